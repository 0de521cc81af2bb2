// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Finding } from './finding.ts';
import { queuesTogether } from './queue-groups.ts';

const [device = assert.fail()] = goldenSnapshot.devices;
const [queue = assert.fail()] = device.queues;
const { owner = assert.fail() } = queue;
const devices = [{ ...device, queues: [0, 1, 2, 3].map((index) => ({ ...queue, index })) }];

function stalled(index: number, more: Partial<Finding> = {}): Finding {
  return {
    rule: 'reader-stalled',
    severity: 'critical',
    netns: device.netns,
    device: device.name,
    queue: index,
    cause: `${device.name} queue ${index} (VM web1) lost 250 of 1 000 packets: its reader, qemu (pid 7), is stopped.`,
    brief: 'loses 25 % of its packets, 25/s: its reader qemu (7) is stopped',
    evidence: ['500 packets wait'],
    remedies: [{ command: 'kill -CONT 7', effect: 'Resumes.', lossless: true, restart: false, by: 'host' }],
    rejected: [],
    confidence: 'high',
    degraded: [],
    figures: { seconds: 10, offered: 1000, lost: 250, share: 0.25, lostBefore: 3, occupancy: 500, capacity: 500 },
    ...more,
  };
}

test('queues of one reader with one remedy are one finding, with the figures of all', () => {
  const [one = assert.fail(), ...others] = queuesTogether(
    [0, 1, 2, 3].map((index) => stalled(index)),
    { devices },
  );
  assert.deepEqual(others, []);
  assert.equal(one.queue, undefined);
  assert.equal(
    one.cause,
    `${device.name} queues 0 to 3 (VM web1) lost 1 000 of 4 000 packets: its reader, qemu (pid 7), is stopped.`,
  );
  assert.equal(one.brief, 'loses 25 % of its packets, 100/s: its reader qemu (7) is stopped');
  assert.deepEqual(one.evidence, ['the same of each of these 4 queues; of queue 0:', '500 packets wait']);
  assert.deepEqual([one.figures?.lost, one.figures?.offered, one.figures?.share], [1000, 4000, 0.25]);
  assert.equal(one.figures?.lostBefore, 3);
});

test('so are queues that nobody reads, and those whose reader refuses packets', () => {
  const cause = (words: string): string | undefined => {
    const [one, ...others] = queuesTogether(
      [0, 1].map((index) => stalled(index, { cause: `${device.name} queue ${index} ${words}` })),
      { devices },
    );
    assert.deepEqual(others, []);
    return one?.cause;
  };
  assert.equal(
    cause('is not read: its reader, qemu (pid 7), takes nothing, for 10 s.'),
    `${device.name} queues 0 and 1 are not read: its reader, qemu (pid 7), takes nothing, for 10 s.`,
  );
  assert.equal(
    cause('had 120 of 1 000 packets refused by a filter.'),
    `${device.name} queues 0 and 1 had 240 of 2 000 packets refused by a filter.`,
  );
  assert.equal(
    cause('lost 250 of 1 000 frames that XDP redirected to it.'),
    `${device.name} queues 0 and 1 lost 500 of 2 000 frames that XDP redirected to it.`,
  );
});

test('whole words name the queues', () => {
  const named = (...queues: readonly number[]): string =>
    /queues (.*) \(VM/.exec(
      queuesTogether(
        queues.map((one) => stalled(one)),
        { devices },
      )[0]?.cause ?? '',
    )?.[1] ?? '';
  assert.equal(named(2, 0), '0 and 2');
  assert.equal(named(0, 1, 3), '0, 1 and 1 more');
});

test('another reader, remedy, rule, severity or device is another finding, and so is what is about a device', () => {
  const renice = stalled(0).remedies.map((one) => ({ ...one, command: 'renice' }));
  const first = stalled(0);
  for (const other of [
    stalled(1, { remedies: renice }),
    stalled(1, { severity: 'warning' }),
    stalled(1, { rule: 'reader-blocked' }),
    stalled(1, { netns: 1 }),
    stalled(1, { queue: undefined }),
    stalled(1, { cause: 'It is something else.' }),
  ])
    assert.deepEqual(queuesTogether([first, other], { devices }), [first, other]);
  const two = [
    {
      ...device,
      queues: [
        { ...queue, index: 0 },
        { ...queue, index: 1, owner: { ...owner, pid: 99 } },
      ],
    },
  ];
  assert.equal(queuesTogether([first, stalled(1)], { devices: two }).length, 2);
});
