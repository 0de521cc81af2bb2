// SPDX-License-Identifier: Apache-2.0
// node log-writer.ts LINES: logs so many lines of a kilobyte as the agent does, tells its parent how its event loop did meanwhile, and goes on until
// the parent says 'end'.
import { setTimeout as wait } from 'node:timers/promises';
import { ownOutputs } from '../../src/kernel/processes/own-outputs.ts';
import { createLog } from '../../src/log/agent-log.ts';

export interface LogReport {
  /** The longest time between two turns of the loop, ms. */
  readonly stalledMs: number;
  readonly dropped: number;
}

let nowMs = 0;
// Each line comes long after the one before: none is beyond the limit.
const log = createLog({ format: 'json', level: 'info' }, ownOutputs, () => (nowMs += 10_000));
let stalledMs = 0;
let turnedMs = performance.now();
const turns = setInterval(() => {
  const now = performance.now();
  stalledMs = Math.max(stalledMs, now - turnedMs);
  turnedMs = now;
}, 5);
process.on('message', (message) => {
  if (message === 'report') return process.send?.({ stalledMs, dropped: log.dropped() } satisfies LogReport);
  clearInterval(turns);
  process.disconnect();
  return log.sayLast('end');
});
for (let line = 0; line < Number(process.argv[2]); line += 1) {
  log.say('info', `${line} ${'x'.repeat(1000)}`);
  await wait(1);
}
process.send?.({ stalledMs, dropped: log.dropped() } satisfies LogReport);
