// SPDX-License-Identifier: Apache-2.0
// Somebody at the other end of a log who reads nothing until he is asked to.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';

/** A terminal that was stopped (Ctrl-S). */
export const TERMINAL = `
import os, pty, sys, tty
ours, theirs = pty.openpty()
tty.setraw(theirs)
print(os.ttyname(theirs), flush=True)
`;
const LATER = `
sys.stdin.readline()
while True:
    sys.stdout.buffer.write(os.read(ours, 65536))
    sys.stdout.buffer.flush()
`;

export interface UnreadEnd {
  /** By which its other end is reached. */
  readonly path: string;
  /** What has come, once `ask` was called. */
  readonly heard: Readable;
  readonly ask: () => void;
  readonly kill: () => void;
}

/** `program`: Python that prints the path, and has the descriptor in `ours`. */
export async function unreadEnd(t: TestContext, program: string, ...words: readonly string[]): Promise<UnreadEnd> {
  const end: ChildProcessByStdio<Writable, Readable, null> = spawn('python3', ['-c', program + LATER, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => end.kill());
  const [path] = await once(end.stdout, 'data');
  return {
    path: String(path).trim(),
    heard: end.stdout,
    ask: () => end.stdin.write('\n'),
    kill: () => end.kill(),
  };
}
