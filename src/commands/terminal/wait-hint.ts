// SPDX-License-Identifier: Apache-2.0
// Commands that take their time: on a terminal they say so, and Ctrl-C cuts the time short.
import { agentPid } from '../../kernel/agent-lock.ts';
import { onEndingSignal } from '../../kernel/processes/ending-signal.ts';
import { fit } from '../../outputs/terminal-text.ts';
import { visible } from '../../snapshot/visible.ts';
import { layoutOf } from './terminal.ts';

interface Hint {
  /** In place of what it showed before. */
  readonly show: (text: string) => void;
  readonly clear: () => void;
}

/** One line on the terminal of stderr; where that is none, nothing. */
export function hintLine(): Hint {
  const isShown = process.stderr.isTTY;
  const { width } = layoutOf(process.stderr);
  return {
    // A line that the terminal breaks could not be taken back.
    show: (text) => void (isShown && process.stderr.write(`\r\u001b[2K${fit(visible(`${text} …`), width - 1)}`)),
    clear: () => void (isShown && process.stderr.write('\r\u001b[2K')),
  };
}

/**
 * `signal` is aborted by the first Ctrl-C; another, two seconds later, ends the program. The hint is shown when `begun` says that the time has begun,
 * each second with what was seen so far.
 */
export async function untilCut<Result>(
  hint: string,
  work: (signal: AbortSignal, begun: () => void) => Promise<Result>,
  soFar: () => string = () => '',
): Promise<Result> {
  const cut = new AbortController();
  let timer: ReturnType<typeof setInterval> | undefined;
  const off = onEndingSignal(['SIGINT'], () => cut.abort());
  const isShown = process.stderr.isTTY;
  const { show, clear } = hintLine();
  show('Asking the agent, or attaching probes');
  const agent = isShown ? besideAgent() : '';
  try {
    return await work(cut.signal, () => {
      const begunAt = performance.now();
      const tell = (): void => {
        if (!isShown) return;
        const seen = soFar();
        const seconds = Math.round((performance.now() - begunAt) / 1000);
        show(`${seconds} s${seen === '' ? '' : `, ${seen}`}: ${hint}${agent}`);
      };
      tell();
      if (isShown) timer = setInterval(tell, 1000);
    });
  } finally {
    clearInterval(timer);
    clear();
    off();
  }
}

function besideAgent(): string {
  const pid = agentPid();
  return pid === undefined ? '' : `; an agent runs (pid ${pid})`;
}
