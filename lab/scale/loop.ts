// SPDX-License-Identifier: Apache-2.0
// node --import lab/scale/loop.ts …: between one SIGUSR2 and the next it watches how long the event loop of that program is held up,
// and writes what it saw to the file that SCALE_LOOP names.
import { writeFileSync } from 'node:fs';
import { type LoopReport, watchEventLoop } from '../scrape/event-loop.ts';

let finish: (() => LoopReport) | undefined;

process.on('SIGUSR2', () => {
  if (finish === undefined) finish = watchEventLoop();
  else {
    writeFileSync(process.env.SCALE_LOOP ?? '/dev/null', JSON.stringify(finish()));
    finish = undefined;
  }
});
