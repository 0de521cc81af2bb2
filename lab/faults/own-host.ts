// SPDX-License-Identifier: Apache-2.0
// This program again, in a network namespace and with a /run/tapscope of its own, so that an agent of this host is left alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { argv, env, execArgv, execPath } from 'node:process';
import { noLab } from '../../test/host/netns.ts';
import { FOLDER } from './traces.ts';

const INSIDE = 'TAPSCOPE_FAULTS_INSIDE';

/** Where registries can be reached: the network namespace from which this program was started. */
export function outerNetwork(): string {
  return `/proc/${process.ppid}/ns/net`;
}

/** What `work` resolves with, the exit code, where mounts and devices are its own. */
export async function onOwnHost(work: () => Promise<number>): Promise<number> {
  if (noLab) throw new Error(noLab);
  return env[INSIDE] ? work() : again();
}

async function again(): Promise<number> {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  const script = `ip link set lo up; mount -t tmpfs -o mode=0700 none ${FOLDER}; exec "$@"`;
  const words = ['--net', '--mount', 'sh', '-c', script, 'sh', execPath, ...execArgv, ...argv.slice(1)];
  const child = spawn('unshare', words, { stdio: 'inherit', env: { ...env, [INSIDE]: '1' } });
  // The shell and unshare become the program: it gets the signal, and ends as it must.
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => child.kill(name));
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}
