// SPDX-License-Identifier: Apache-2.0
// The identity of a process, from /proc: virtual machine, container, pod, unit, VPN.
import type { ProcessText } from '../kernel/process-text.ts';
import type { Identity } from '../snapshot/identity.ts';
import { visible } from '../snapshot/visible.ts';
import { readCgroups } from './cgroup-path.ts';
import { readCommandLine } from './command-line.ts';

/** A label is no place for a whole command line. */
const LONGEST = 128;

export function identityOf({ args, comm, cgroups }: ProcessText): Identity {
  const said = readCommandLine(args, comm);
  const placed = readCgroups(cgroups);
  const isMachine = said.program === 'qemu' && placed.machine !== '';
  // A libvirt in a pod or container is not the host's.
  const isLibvirt = (said.isLibvirt || isMachine) && placed.pod === '' && placed.container === '';
  return {
    program: said.program,
    vm: tame(said.vm || (isMachine ? placed.machine : '')),
    uuid: said.uuid,
    // Inside a Kata sandbox the container is the VM's guest; what the host sees is the sandbox.
    runtime: said.sandbox ? 'kata' : placed.runtime || (isLibvirt ? 'libvirt' : ''),
    container: tame(said.sandbox || placed.container),
    pod: placed.pod,
    unit: tame(placed.unit),
  };
}

function tame(text: string): string {
  const shown = [...visible(text)];
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1).join('')}…` : shown.join('');
}
