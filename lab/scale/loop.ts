// SPDX-License-Identifier: Apache-2.0
// node --import lab/scale/loop.ts …: watches the event loop of that program between one SIGUSR2 and the next, and writes to stderr how
// long it was held up: the serving process may write to no file.
import { LOOP_REPORT, type LoopReport, watchEventLoop } from '../../test/host/event-loop.ts';

let finish: (() => LoopReport) | undefined;

process.on('SIGUSR2', () => {
  if (finish === undefined) finish = watchEventLoop();
  else {
    process.stderr.write(`${LOOP_REPORT}${JSON.stringify(finish())}\n`);
    finish = undefined;
  }
});
