// SPDX-License-Identifier: Apache-2.0
// A program that runs until its test ends, once it has printed something.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export async function spawnReady(
  t: { after(undo: () => Promise<void>): void },
  [program = '', ...words]: readonly string[],
): Promise<void> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  await once(child.stdout, 'data');
}
