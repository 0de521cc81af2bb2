// SPDX-License-Identifier: Apache-2.0
// Commands that take their time: on a terminal they say so, and Ctrl-C cuts the time short.
import { askAgent } from '../kernel/agent-lock.ts';
import { visible } from '../snapshot/visible.ts';

/** `signal` is aborted by the first Ctrl-C; the second ends the program. */
export async function untilCut<Result>(hint: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const cut = new AbortController();
  const stop = (): void => cut.abort();
  process.once('SIGINT', stop);
  const isShown = process.stderr.isTTY;
  if (isShown) process.stderr.write(visible(`${hint}${await besideAgent()} …`));
  try {
    return await work(cut.signal);
  } finally {
    if (isShown) process.stderr.write('\r\u001b[2K');
    process.off('SIGINT', stop);
  }
}

async function besideAgent(): Promise<string> {
  const agent = await askAgent();
  return agent ? `; an agent runs (pid ${agent.pid})` : '';
}
