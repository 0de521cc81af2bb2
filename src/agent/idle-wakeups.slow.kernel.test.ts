// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, quiet.
// An agent whose taps are idle sleeps: how often its threads wake, and what they take of a core, in both processes together.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../../test/agent/serve-process.ts';
import { cpuMs } from '../../test/host/cpu-time.ts';
import { noLab } from '../../test/host/netns.ts';
import { makeTaps } from '../../test/host/real-taps.ts';
import { slownessDuring } from '../../test/host/slowness.ts';

const TAPS = 64;
const QUEUES = 4 * TAPS;
const WINDOW_MS = 5000;
const WINDOWS = 24;
/** Samples of the host, what threads read and collect for them, and timers of Node. */
const MOST_PER_SECOND = 20;
/**
 * Percent of a core that does not sleep. Against an agent that works where nothing happens, on any machine: what a change costs is seen on the instruction
 * clock (lab/scale/gate.vm.test.ts), and docs/overhead.md has what a quiet machine takes.
 */
const MOST_CPU = 4;

interface Idle {
  readonly wakes: number;
  readonly cpu: number;
}

test(`${TAPS} idle taps wake the agent at most ${MOST_PER_SECOND} times a second, and take ${MOST_CPU} % of a core`, {
  skip: noLab,
}, async (t) => {
  await makeTaps({ after: (undo) => t.after(async () => undo()) }, QUEUES);
  const agent = await startAgent(t, ['--level=auto', '--detail=queue']);
  const processes = agent.processes();
  let least: Idle = { wakes: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY };
  // V8 compiles on threads of its own in the first minute, and collects garbage on several now and then; another's devices wake the agent too.
  // The quietest window is what idle queues take.
  for (let count = 0; count < WINDOWS && (least.wakes > MOST_PER_SECOND || least.cpu > MOST_CPU); count += 1) {
    const { value, slow } = await slownessDuring(() => windowOf(processes));
    const { wakes, cpu } = { wakes: value.wakes, cpu: value.cpu / slow };
    least = { wakes: Math.min(least.wakes, wakes), cpu: Math.min(least.cpu, cpu) };
    t.diagnostic(
      `${wakes.toFixed(0)} a second, ${cpu.toFixed(2)} % of a core (${value.cpu.toFixed(2)} % of one that is ${slow.toFixed(1)} times as slow)`,
    );
  }
  assert.ok(least.wakes <= MOST_PER_SECOND, `${least.wakes} a second`);
  assert.ok(least.cpu <= MOST_CPU, `${least.cpu} % of a core`);
});

async function windowOf(processes: readonly number[]): Promise<Idle> {
  const [sleeps, cpu, began] = [sleepsOf(processes), cpuMs(processes), performance.now()];
  await wait(WINDOW_MS);
  const elapsedMs = performance.now() - began;
  return {
    wakes: (1000 * (sleepsOf(processes) - sleeps)) / elapsedMs,
    cpu: (100 * (cpuMs(processes) - cpu)) / elapsedMs,
  };
}

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
