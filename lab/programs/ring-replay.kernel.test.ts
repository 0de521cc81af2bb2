// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Predictions for a larger ring, against that ring and the same packets again.
// `UPDATE=1 npm test -- ring-replay` writes the table of docs/accuracy.md.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { standingLab } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { type Replay, type ReplayRow, replayed, replayTable } from './replay.ts';

/** Packets that come, or that the reader takes; by queue. */
type Step = readonly ['send' | 'read', packets: number | 'all', queue?: number];

interface Shape {
  readonly name: string;
  readonly ring: number;
  readonly queues: 1 | 2;
  readonly steps: readonly Step[];
}

const bursts = (...sizes: readonly number[]): readonly Step[] =>
  sizes.flatMap((size): readonly Step[] => [
    ['send', size],
    ['read', 'all'],
  ]);

const SHAPES: readonly Shape[] = [
  { name: 'eight equal bursts', ring: 200, queues: 1, steps: bursts(...Array<number>(8).fill(700)) },
  { name: 'bursts of many sizes', ring: 100, queues: 1, steps: bursts(130, 900, 260, 410, 90, 640, 1500, 333, 780) },
  { name: 'one large burst among small ones', ring: 150, queues: 1, steps: bursts(160, 170, 165, 1900, 155, 180) },
  {
    name: 'a reader that never catches up between bursts',
    ring: 128,
    queues: 1,
    steps: [
      ...['send', 'read', 'send', 'read', 'send'].flatMap((what): readonly Step[] =>
        what === 'send' ? [['send', 400]] : [['read', 100]],
      ),
      ['read', 'all'],
      ...bursts(500),
    ],
  },
  {
    name: 'two queues, one with most of the load',
    ring: 100,
    queues: 2,
    steps: [
      ['send', 800, 0],
      ['send', 300, 1],
      ['read', 50, 1],
      ['send', 200, 1],
      ['read', 'all', 0],
      ['read', 'all', 1],
      ['send', 600, 0],
      ['send', 120, 1],
      ['read', 'all', 0],
      ['read', 'all', 1],
    ],
  },
];

async function scene(t: TestContext, shape: Shape): Promise<Replay> {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const reader = await lab.testReader();
  for (let queue = 0; queue < shape.queues; queue++)
    await reader.open(`q${queue}`, 'tap0', 'tap', ...(shape.queues > 1 ? (['mq'] as const) : []));
  if (shape.queues > 1) await reader.steer('q0', true);
  await lab.raise('tap0', shape.ring);
  const sender = await lab.testReader();
  await lab.exec('taskset', '-a', '-p', '-c', '0', String(sender.pid));
  await sender.running('tap0');
  return {
    traffic: shape.name,
    ring: shape.ring,
    netns: lab.inode,
    play: async (ring) => {
      await sender.length('tap0', ring);
      const before = await lab.link('tap0');
      for (const [what, packets, queue = 0] of shape.steps) {
        if (what === 'read') await reader.read(`q${queue}`, packets);
        else if (packets !== 'all') await sender.frames('tap0', packets, queue);
      }
      return (await lab.link('tap0')).txDropped - before.txDropped;
    },
    // One more packet that finds the ring empty: before Linux 7.3 an overflow ends with it.
    snapshot: async () => {
      for (let queue = 0; queue < shape.queues; queue++) {
        await sender.frames('tap0', 1, queue);
        await reader.read(`q${queue}`, 'all');
      }
      return agent.snapshot();
    },
  };
}

const rows: ReplayRow[] = [];

for (const shape of SHAPES)
  test(`${shape.name}: the advised ring loses nothing, and others what was said`, { skip: noLab }, async (t) => {
    const row = await replayed(t, await scene(t, shape));
    assert.equal(row.lostWithAdvised, 0);
    assert.ok(row.advised <= 2 * row.least, `${row.advised} advised, ${row.least} are enough`);
    rows.push(row);
  });

test('the page has these replays', { skip: noLab }, () => replayTable('traffic', rows));
