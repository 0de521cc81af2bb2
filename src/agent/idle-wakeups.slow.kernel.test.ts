// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// An agent whose queues are idle sleeps: how often its threads wake in a second does not depend on how many queues there are.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';
import { makeTaps } from '../../test/host/real-taps.ts';

const QUEUES = 256;
const WINDOW_MS = 5000;
const WINDOWS = 24;
/** Looks at the host, what threads read for them, and timers of Node, in both processes. */
const MOST_PER_SECOND = 100;

test(`${QUEUES} idle queues wake the agent at most ${MOST_PER_SECOND} times a second`, { skip: noLab }, async (t) => {
  await makeTaps({ after: (undo) => t.after(async () => undo()) }, QUEUES);
  const agent = await startAgent(t);
  const processes = agent.processes();
  const rates: number[] = [];
  // V8 compiles on threads of its own in the first minute, and collects garbage on several now and then; another's devices wake the agent too.
  // The quietest window is what idle queues take.
  while (rates.length < WINDOWS && Math.min(...rates, Number.POSITIVE_INFINITY) > MOST_PER_SECOND) {
    const [before, began] = [sleepsOf(processes), performance.now()];
    await wait(WINDOW_MS);
    rates.push((1000 * (sleepsOf(processes) - before)) / (performance.now() - began));
  }
  t.diagnostic(`${rates.map((rate) => rate.toFixed(0)).join(', ')} a second`);
  assert.ok(Math.min(...rates) <= MOST_PER_SECOND);
});

const sleepsOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + sleeps(pid), 0);

/** How often its threads went to sleep, each of which ended with a wake. */
function sleeps(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const counts = threads.map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
