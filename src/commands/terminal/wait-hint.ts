// SPDX-License-Identifier: Apache-2.0
// Commands that take their time: on a terminal they say so, and Ctrl-C cuts the time short.
import { agentPid } from '../../kernel/agent-lock.ts';
import { visible } from '../../snapshot/visible.ts';

/** `signal` is aborted by the first Ctrl-C; the second ends the program. The hint is shown when `begun` says that the time has begun. */
export async function untilCut<Result>(
  hint: string,
  work: (signal: AbortSignal, begun: () => void) => Promise<Result>,
): Promise<Result> {
  const cut = new AbortController();
  let timer: ReturnType<typeof setInterval> | undefined;
  const stop = (): void => cut.abort();
  process.once('SIGINT', stop);
  const isShown = process.stderr.isTTY;
  const show = (text: string): void => void (isShown && process.stderr.write(`\r\u001b[2K${visible(`${text} …`)}`));
  show('Asking the agent, or attaching probes');
  const agent = isShown ? besideAgent() : '';
  try {
    return await work(cut.signal, () => {
      const begunAt = performance.now();
      const tell = (): void => show(`${hint}${agent}; ${Math.round((performance.now() - begunAt) / 1000)} s`);
      tell();
      if (isShown) timer = setInterval(tell, 1000);
    });
  } finally {
    clearInterval(timer);
    if (isShown) process.stderr.write('\r\u001b[2K');
    process.off('SIGINT', stop);
  }
}

function besideAgent(): string {
  const pid = agentPid();
  return pid === undefined ? '' : `; an agent runs (pid ${pid})`;
}
