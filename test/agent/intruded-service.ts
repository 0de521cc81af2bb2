// SPDX-License-Identifier: Apache-2.0
// Code of an intruder in the process that serves of an installed package, under systemd: what it gets.
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/kernel/package.ts';
import type { BootedRoot } from '../debian/booted-root.ts';
import { until } from '../host/until.ts';
import { type Answers, answersIn, bringIntruder } from './intrusion.ts';

const LIBRARY = '/usr/lib/tapscope';
const LAUNCHER = `${LIBRARY}/serving`;
const COUNTING = 'tapscope.service';
const SERVING = 'tapscope-serving@*.service';
/** A file that all users may read. */
const PREY = '/var/lib/dpkg/status';
/** What the intruder brings besides its code: files of this tree, where the process that serves may read. */
const BROUGHT = ['dist/test/raw-syscall.node', 'dist/addon/fixture.bpf.o'];
/** syslog(3): systemd passes such lines on to every terminal of the host. */
const EMERGENCY = 0;

/** Starts the unit anew with the intruder in it, and lets that try; the launcher is the package's again afterwards. `root`: the folder that was booted. */
export async function intrudeService(host: BootedRoot, root: string): Promise<Answers> {
  const library = join(root, LIBRARY);
  bringIntruder(library);
  for (const file of BROUGHT) {
    copyFileSync(join(packageRoot(), file), join(library, file));
    chmodSync(join(library, file), 0o644);
  }
  const launcher = readFileSync(join(root, LAUNCHER), 'utf8');
  const variables = `INTRUDER_ROOT=${LIBRARY} INTRUDER_PREY=${PREY}`;
  const intruded = `exec env ${variables} "$node" --require=${LIBRARY}/dist/test/intruder.cjs`;
  writeFileSync(join(root, LAUNCHER), launcher.replace('exec "$node"', intruded));
  try {
    await host.inside('systemctl', 'reset-failed', COUNTING);
    await host.inside('systemctl', 'restart', COUNTING); // returns when figures are served
    const pidOf = async (unit: string): Promise<string> =>
      (await host.inside('systemctl', 'show', '--property=MainPID', '--value', unit)).trim();
    writeFileSync(join(library, 'dist/test/agent-pid'), await pidOf(COUNTING));
    // Before the signal: the intruder is ended, and another process serves.
    const journal = ['journalctl', '--no-pager', '--output=cat', '--all', `_PID=${await pidOf(SERVING)}`];
    await host.inside('systemctl', 'kill', '--signal=USR2', SERVING);
    let said: Answers | undefined;
    await until(async () => {
      said = answersIn(await host.inside(...journal));
      return said !== undefined;
    });
    if (said === undefined) throw new Error(await host.inside(...journal));
    const urgent = await host.inside(...journal, `PRIORITY=${EMERGENCY}`);
    return { ...said, 'write to every terminal': /intruder/.test(urgent) ? 'done' : 'EPERM' };
  } finally {
    writeFileSync(join(root, LAUNCHER), launcher);
    for (const path of ['dist/test', 'dist/addon/fixture.bpf.o']) rmSync(join(library, path), { recursive: true });
  }
}
