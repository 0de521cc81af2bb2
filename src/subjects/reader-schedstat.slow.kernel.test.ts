// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Where run queues are long, looks at readers come late: what is said of a reader's time agrees with the scheduler's own
// count, and the verdict is that of a quiet host.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Scene, said, scene, watch } from '../../test/agent/on-call.ts';
import { busyLoops, type Scheduled, scheduled } from '../../test/host/busy-cpus.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import { judge } from '../diagnosis/judge.ts';

/** Busy loops beside the reader, the sender and the agent. */
const LOAD = 10;
/** The time of a state may differ from the scheduler's count by this share, and by one SINGLE_LOOK at each end of the window. */
const BOUND = 0.1;
const BORDER_SECONDS = 0.2;
/** Share of the window that the reader waited for a CPU; 10 busy loops alone make it wait for about a tenth. */
const STARVED = 0.2;

interface Seen {
  /** Seconds of the full time by state. */
  readonly told: Readonly<Record<string, number>>;
  readonly full: number;
  /** Bounds by the scheduler: it counts a wait when it has ended, so the wait in a window lies between two figures. */
  readonly least: Scheduled;
  readonly most: Scheduled;
  readonly seconds: number;
  readonly findings: readonly string[];
}

/** What the agent says of the reader's time in a window, and what the scheduler says. */
async function seen(one: Scene): Promise<Seen> {
  await one.agent.snapshot();
  const { pid } = one.reader;
  const first = scheduled(pid);
  const begun = turn(pid, first);
  const window = await watch(one, 6);
  const last = scheduled(pid);
  const ended = await turn(pid, last);
  const device = window.devices.find(({ now }) => now.netns === one.lab.inode);
  const [queue] = device?.queues ?? [];
  const before = new Map(queue?.before.reader?.fullSeconds.map(({ state, seconds }) => [state, seconds]));
  const spent = (queue?.now.reader?.fullSeconds ?? []).map(
    ({ state, seconds }) => [state, seconds - (before.get(state) ?? 0)] as const,
  );
  return {
    told: Object.fromEntries(spent),
    full: spent.reduce((sum, [, seconds]) => sum + seconds, 0),
    least: { ran: last.ran - first.ran, waited: last.waited - (await begun).waited },
    most: { ran: last.ran - first.ran, waited: ended.waited - first.waited },
    seconds: window.seconds,
    findings: said(judge(window).findings.filter(({ netns }) => netns === one.lab.inode)),
  };
}

/** Waits until the reader has had a CPU again. */
async function turn(pid: number, { waited }: Scheduled): Promise<Scheduled> {
  await until(() => scheduled(pid).waited > waited).catch(() => undefined);
  return scheduled(pid);
}

/** A sender that a busy host does not make send in lumps. */
async function punctual({ lab }: Scene): Promise<TestReader> {
  const sender = await lab.testReader();
  await lab.exec('chrt', '-a', '-f', '-p', '20', String(sender.pid));
  return sender;
}

const atMost = (seconds: number): number => seconds * (1 + BOUND) + BORDER_SECONDS;
const atLeast = (seconds: number): number => seconds * (1 - BOUND) - BORDER_SECONDS;

function holds({ told, full, most, seconds }: Seen): void {
  const { running = 0, waiting = 0 } = told;
  assert.ok(running <= atMost(most.ran), `running ${running} s, schedstat ${most.ran} s`);
  assert.ok(waiting <= atMost(most.waited), `waiting ${waiting} s, schedstat ${most.waited} s`);
  assert.ok(full <= seconds + BORDER_SECONDS, `full for ${full} of ${seconds} s`);
}

test('bursts that do not fit the ring, on a busy host', { skip: noLab }, async (t) => {
  const one = await scene(t, 10);
  await one.reader.readLoop('a', 0);
  busyLoops(one.lab, LOAD);
  const sender = await punctual(one);
  await sender.stream('s', 'tap0', 2000, 64, { lump: 50 });
  await wait(500);
  const found = await seen(one);
  await sender.unstream('s');
  t.diagnostic(JSON.stringify(found));
  holds(found);
  // Other load on this machine may starve the reader in truth: then the scheduler's own count says so.
  const isStarved = found.least.waited > STARVED * found.seconds;
  assert.match(
    found.findings[0] ?? 'nothing',
    isStarved ? /^(?:reader-starved|ring-full-burst): / : /^ring-full-burst: /,
  );
});

test('a reader that gets too little CPU, on a busy host', { skip: noLab }, async (t) => {
  const one = await scene(t, 100);
  await one.reader.readLoop('a', 0, 200);
  await one.lab.exec('sh', '-c', `renice -n 5 -p $(ls /proc/${one.reader.pid}/task)`);
  busyLoops(one.lab, LOAD);
  const sender = await punctual(one);
  await sender.stream('s', 'tap0', 3000, 64);
  await wait(1500);
  const found = await seen(one);
  await sender.unstream('s');
  t.diagnostic(JSON.stringify(found));
  holds(found);
  // Whenever it has read, the ring has room for some milliseconds, of which nothing is told.
  const roomy = found.seconds - found.full;
  assert.ok((found.told.waiting ?? 0) >= atLeast(found.least.waited) - roomy, JSON.stringify(found));
  assert.ok((found.told.running ?? 0) >= atLeast(found.least.ran) - roomy, JSON.stringify(found));
  assert.ok(roomy < found.seconds / 2, JSON.stringify(found));
  assert.match(found.findings[0] ?? 'nothing', /^reader-starved: /);
});

test('a reader that computes too long, before all others on a busy host', { skip: noLab }, async (t) => {
  const one = await scene(t, 100);
  await one.reader.readLoop('a', 0, 1000);
  await one.lab.exec('chrt', '-a', '-f', '-p', '10', String(one.reader.pid));
  busyLoops(one.lab, LOAD);
  const sender = await punctual(one);
  await sender.stream('s', 'tap0', 3000, 64);
  await wait(500);
  const found = await seen(one);
  await sender.unstream('s');
  t.diagnostic(JSON.stringify(found));
  holds(found);
  // The ring has room for a moment whenever 16 packets were taken: the reader runs then too.
  assert.ok((found.told.running ?? 0) >= 0.8 * found.full && found.full > 0.5 * found.seconds, JSON.stringify(found));
  assert.match(found.findings[0] ?? 'nothing', /^reader-cpu-bound: /);
});
