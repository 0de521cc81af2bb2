// SPDX-License-Identifier: Apache-2.0
// In a VM: one of two builds of tun in place of the kernel's own, and what `tapscope bench` measures with it.
import { tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, numberAt, numbersAt, parseJson } from '../../test/host/checked-json.ts';
import { run } from '../../test/host/run.ts';
import { type Build, moduleFile } from './tun-modules.ts';

/** Those that use tun. */
const USERS = ['vhost_net', 'tap'];

/** Nothing may use tun. */
export async function unloadTun(): Promise<void> {
  for (const name of USERS) await run('rmmod', [name]).catch(() => undefined);
  await run('rmmod', ['tun']).catch(() => undefined);
}

export async function loadTun(folder: string, build: Build): Promise<void> {
  await unloadTun();
  await run('insmod', [moduleFile(folder, build)]);
  await run('modprobe', ['-a', 'vhost_net', 'bridge']);
}

/** One run of guest-to-guest UDP. Packets. */
export interface PairRun {
  readonly seconds: number;
  readonly received: number;
  readonly lost: number;
  /** By the CPU that had allocated them: freed there, elsewhere, given back to it. */
  readonly there: number;
  readonly elsewhere: number;
  readonly deferred: number;
}

/** Throws where any of its counts disagrees. */
export async function measurePair(seconds: number): Promise<PairRun> {
  const flags = ['--only=^guest-to-guest/', '--repeats=1', '--format=json', `--seconds=${seconds}`];
  const { code, stdout, stderr } = await tapscope(['bench', ...flags]);
  if (code !== 0) throw new Error(`tapscope bench ended with ${code}:\n${stderr}${stdout}`);
  const [one] = listAt(parseJson(stdout), 'results', 0, 'runs');
  return {
    seconds: numberAt(one, 'seconds'),
    received: numberAt(one, 'transmitted'),
    lost: numberAt(one, 'lost'),
    ...numbersAt(at(one, 'freed'), 'there', 'elsewhere', 'deferred'),
  };
}
