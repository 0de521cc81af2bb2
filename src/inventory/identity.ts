// SPDX-License-Identifier: Apache-2.0
// Whose process this is, from what /proc says of it: virtual machine, container, pod, unit, VPN.
import type { ProcessText } from '../kernel/process-text.ts';
import type { Identity } from '../snapshot.ts';
import { readCgroups } from './cgroup-path.ts';
import { readCommandLine } from './command-line.ts';

/** A label is no place for whatever somebody wrote into his command line. */
const LONGEST = 128;

export function identityOf({ args, comm, cgroups }: ProcessText): Identity {
  const said = readCommandLine(args, comm);
  const placed = readCgroups(cgroups);
  return {
    program: said.program,
    vm: tame(said.vm || (said.program === 'qemu' ? placed.machine : '')),
    uuid: said.uuid,
    // Inside a Kata sandbox the container is the VM's guest; what the host sees is the sandbox.
    runtime: said.sandbox ? 'kata' : placed.runtime,
    container: tame(said.sandbox || placed.container),
    pod: placed.pod,
    unit: tame(placed.unit),
  };
}

/** Control, format and line-breaking characters can forge what a terminal or a page shows. */
function tame(text: string): string {
  const visible = [...text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\u{fffd}')];
  return visible.length > LONGEST ? `${visible.slice(0, LONGEST - 1).join('')}…` : visible.join('');
}
