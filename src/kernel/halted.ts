// SPDX-License-Identifier: Apache-2.0
// Who keeps a process from running, as far as the kernel tells: a signal (of which it notes no sender), a tracer, the freezer.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nameOfLatin1 } from '../foreign-name.ts';

/** undefined: it may run, has ended, or is not ours to look at. */
export async function readHalt(pid: number) {
  const status = await read(`/proc/${pid}/status`);
  const state = /^State:\s+(\S)/m.exec(status)?.[1];
  if (state === 'T' || state === 't') {
    const tracer = Number(/^TracerPid:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
    if (tracer === 0) return { by: 'signal' } as const;
    const comm = nameOfLatin1((await read(`/proc/${tracer}/comm`)).trimEnd());
    return { by: 'tracer', tracer: { pid: tracer, comm } } as const;
  }
  return state !== undefined && state !== 'R' && (await isFrozen(pid)) ? ({ by: 'freezer' } as const) : undefined;
}

/** With its cgroup, or one above it: each has the file, and it tells of both. */
async function isFrozen(pid: number): Promise<boolean> {
  const [cgroups, mounts] = await Promise.all([read(`/proc/${pid}/cgroup`), read('/proc/self/mounts')]);
  const found = mounts.split('\n').map((line) => line.split(' '));
  const rootOf = (isIt: (type: string, options: readonly string[]) => boolean): string | undefined =>
    found.find(([, , type = '', options = '']) => isIt(type, options.split(',')))?.[1];
  const [one, two] = [
    rootOf((type, options) => type === 'cgroup' && options.includes('freezer')),
    rootOf((type) => type === 'cgroup2'),
  ];
  const [ofOne, ofTwo] = [/^\d+:(?:\S+,)?freezer(?:,\S+)?:(.*)$/m, /^0::(.*)$/m].map((line) => line.exec(cgroups)?.[1]);
  if (one !== undefined && ofOne !== undefined)
    return (await read(join(one, ofOne, 'freezer.state'))).startsWith('FROZEN');
  if (two === undefined || ofTwo === undefined) return false;
  return /^frozen 1$/m.test(await read(join(two, ofTwo, 'cgroup.events')));
}

/** Names of others are bytes: Latin-1 keeps each. */
async function read(path: string): Promise<string> {
  return readFile(Buffer.from(path, 'latin1'), 'latin1').catch(() => '');
}
