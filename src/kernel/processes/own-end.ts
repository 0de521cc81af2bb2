// SPDX-License-Identifier: Apache-2.0
// The end of this process. Node waits at its own for what V8 compiles in the background, and that may wait for a garbage collection that comes no
// more: such a process never ends (nodejs/node issue 54918; seen in a command, and in an agent that was stopped).
import { native } from '../native.ts';

/** What need not be waited for: stdout and stderr (what they have yet to write is another name on the list), and timers of what is over. */
const IDLE: readonly string[] = ['PipeWrap', 'TTYWrap', 'Timeout', 'Immediate'];
const POLL_MS = 2;

/** Ends it as process.exit() does: whoever listens to 'exit' is called first. */
export function leave(code = process.exitCode): never {
  // Profiles are written at Node's own end.
  if (!process.execArgv.some((flag) => flag.includes('-prof'))) process.once('exit', exitNow);
  process.exit(code);
}

/** Once what is being written has been, and what failed by then (an output, a promise) has been heard. */
export function leaveWhenDone(): void {
  setTimeout(() => {
    if (process.getActiveResourcesInfo().every((name) => IDLE.includes(name))) leave();
    else leaveWhenDone();
  }, POLL_MS);
}

function exitNow(code: number): void {
  try {
    native().exitNow(code);
  } catch {
    // The addon is not there: Node's own end.
  }
}
