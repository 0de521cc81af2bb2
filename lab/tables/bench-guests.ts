// SPDX-License-Identifier: Apache-2.0
// What tests of `tapscope bench --table multiqueue` start guests with, and what must not stay behind when one has ended.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { IPERF, missing } from '../../test/host/need.ts';
import { noVm } from '../vm/boot.ts';
import { vmlinuxOf } from '../vm/images.ts';
import { kernelOrWhy } from '../vm/kernels.ts';

/** It boots fastest under emulation. */
const SERIES = '6.1';

interface BenchGuests {
  /** The file of the guest's kernel. */
  readonly kernel: string;
}

/** Why no guest can be started here, or what starts one. */
export async function benchGuests(): Promise<BenchGuests | string> {
  const lacking = noVm || missing([IPERF, { debian: 'qemu-system-x86', file: 'qemu-system-x86_64' }]);
  if (lacking) return lacking;
  const kernel = await kernelOrWhy(SERIES, () => {});
  return typeof kernel === 'string' ? kernel : { kernel: await vmlinuxOf(kernel) };
}

/** Programs of a bench, by process id, and its files. */
export function benchTraces(): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const programs = pids.flatMap((pid) => {
    const words = commandLine(pid);
    return /ifname=bench[01],|iperf3 -c 198\.18\.0\.|^external $/.test(words) ? [`${pid}: ${words}`] : [];
  });
  const files = existsSync(tmpdir()) ? readdirSync(tmpdir()).filter((name) => name.startsWith('tapscope-bench-')) : [];
  return [...programs, ...files];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
