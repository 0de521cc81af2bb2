// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// To measure its own price an agent has the kernel's run-time statistics of BPF programs on for moments; with --budget=off it never has.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';

/** An agent begins to measure its price after 20 s (src/engine/governor.ts), and passes this budget: then it measures every other second. */
const BUDGET = '--budget=0.05%';
const WATCHED_MS = 26_000;
/** On a busy machine. */
const MEASURED_WITHIN_MS = 90_000;
const MOMENT_MS = 100;
const LOOK_MS = 2;

/** What a process holds while it has the statistics on (kernel/bpf/syscall.c, bpf_enable_runtime_stats). */
function holdsStatistics(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === 'anon_inode:bpf-stats';
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** Milliseconds of each time that the agent has them on, of `least` times at least. */
async function momentsOf({ pid }: Agent, least: number): Promise<readonly number[]> {
  const moments: number[] = [];
  let since: number | undefined;
  const began = performance.now();
  const isOver = (): boolean => {
    const ms = performance.now() - began;
    return since === undefined && (ms > MEASURED_WITHIN_MS || (ms > WATCHED_MS && moments.length >= least));
  };
  for (; !isOver(); await wait(LOOK_MS)) {
    const isOn = holdsStatistics(pid);
    if (isOn) since ??= performance.now();
    else if (since !== undefined) moments.push(performance.now() - since);
    if (!isOn) since = undefined;
  }
  return moments;
}

/** Runs of its BPF programs that the kernel has counted, which it does while anybody has the statistics on. */
function countedRuns({ pid }: Agent): number {
  const infos = readdirSync(`/proc/${pid}/fdinfo`).map((fd) => {
    try {
      return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1');
    } catch {
      return ''; // closed meanwhile
    }
  });
  const runs = infos.flatMap((text) => /^run_cnt:\s*(\d+)/m.exec(text)?.[1] ?? []).map(Number);
  assert.ok(runs.length > 0, 'it has BPF programs');
  return runs.reduce((sum, count) => sum + count, 0);
}

/** Another agent of this machine may have them on meanwhile. */
const ATTEMPTS = 5;

test('statistics of BPF programs are on for a tenth of a second at a time, with --budget=off never', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'vnet0', 'tap');
  await lab.raise('vnet0', 100);
  await testReader.readLoop('0', 0);
  await testReader.stream('s', 'vnet0', 1000, 64);

  const measuring = await startAgent(t, [BUDGET]);
  const moments = await momentsOf(measuring, 2);
  t.diagnostic(`with a budget: ${moments.map((ms) => Math.round(ms)).join(', ')} ms`);
  assert.ok(moments.length >= 2, 'it has not measured its price');
  assert.ok(Math.min(...moments) < 2 * MOMENT_MS * (await slowness()), moments.join());
  assert.ok(countedRuns(measuring) > 0, 'the test itself would see that they were on');
  await measuring.stop();

  let runs = 1;
  for (let attempt = 0; attempt < ATTEMPTS && runs > 0; attempt += 1) {
    const agent = await startAgent(t, ['--budget=off']);
    assert.deepEqual(await momentsOf(agent, 0), []);
    const queue = { netns: String(lab.inode), device: 'vnet0', queue: '0' };
    assert.ok(((await agent.metrics()).value('tapscope_queue_offered_packets_total', queue) ?? 0) > 1000);
    runs = countedRuns(agent);
    t.diagnostic(`with --budget=off: ${runs} runs were counted`);
    await agent.stop();
  }
  assert.equal(runs, 0);
});
