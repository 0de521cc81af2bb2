// SPDX-License-Identifier: Apache-2.0
// node --import lab/scale/loop.ts …: between one SIGUSR2 and the next it watches how long the event loop of that program is held up,
// and writes what it saw to stderr: the process that serves may write to no file.
import { LOOP_REPORT, type LoopReport, watchEventLoop } from '../scrape/event-loop.ts';

let finish: (() => LoopReport) | undefined;

process.on('SIGUSR2', () => {
  if (finish === undefined) finish = watchEventLoop();
  else {
    process.stderr.write(`${LOOP_REPORT}${JSON.stringify(finish())}\n`);
    finish = undefined;
  }
});
