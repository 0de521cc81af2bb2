// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenEnded } from '../../test/snapshots/ended-golden.ts';
import type { LossSubject, LossSummary } from '../snapshot/losses.ts';
import { jsonLines, textLines } from './drops-text.ts';

const SUBJECT: LossSubject = {
  netns: 1,
  namespace: undefined,
  device: 'tap0',
  queue: 3,
  where: 'tun',
  reason: 'FULL_RING',
  location: 'tun_net_xmit',
  owner: { pid: 17, comm: 'qemu', startedAt: undefined, identity: undefined },
};
const UNTRACED: LossSubject = {
  ...SUBJECT,
  queue: undefined,
  reason: 'UNTRACED',
  location: undefined,
  owner: undefined,
};
const FLOW = {
  protocol: 'TCP',
  source: '2001:db8::1',
  destination: '2001:db8::2',
  sourcePort: 80,
  destinationPort: 40_000,
  detail: 'SYN',
};
const AT = new Date(2026, 0, 2, 3, 4, 5).getTime() / 1000;
const SUMMARY: LossSummary = {
  seconds: 10.04,
  packets: 1100,
  shown: 100,
  notShown: { overLimit: 900, noRoom: 20, untraced: 70 },
  afterEnd: 10,
  losses: [
    { ...SUBJECT, packets: 1030 },
    { ...UNTRACED, packets: 70 },
  ],
  elsewhere: [
    {
      ...SUBJECT,
      queue: undefined,
      where: 'beyond',
      reason: 'NETFILTER_DROP',
      location: 'nf_hook_slow',
      elsewhere: { netns: 9, namespace: 'blue', device: undefined },
      packets: 21,
    },
  ],
  reasonUnknown: 0,
  devicesGone: 1,
  ended: {
    devices: 3,
    latest: goldenEnded.latest.map((device) => ({ ...device, endedAt: AT - 5, namespace: 'blue' })),
  },
  uncounted: 2,
  skipped: 3,
  ownCpu: 0.0071,
};

test('losses of a second, as columns', () => {
  const lines = textLines({ watched: 'tap0', ownNetns: 1, rate: 0 });
  const [lost] = SUMMARY.elsewhere;
  assert.ok(lost);
  const text =
    lines.start(AT) +
    lines.loss(AT, { ...SUBJECT, packets: 12 }) +
    lines.loss(AT, { ...UNTRACED, packets: 5 }) +
    lines.loss(AT, lost);
  assert.equal(
    text,
    `TIME     DEVICE        PACKETS WHERE   REASON         FUNCTION       OWNER
03:04:05 tap0/3             12 tun     FULL_RING      tun_net_xmit   qemu (pid 17)
03:04:05 tap0                5 tun     UNTRACED       -              -
03:04:05 tap0               21 beyond  NETFILTER_DROP nf_hook_slow in blue qemu (pid 17)
`,
  );
});

test('on a terminal no line is wider than it, and nothing of a packet is cut', () => {
  for (const width of [20, 40, 80, 100]) {
    const losses = textLines({ watched: 'tap0', ownNetns: 1, rate: 0, width });
    const packets = textLines({ watched: 'tap0', ownNetns: 2, rate: 100, width });
    const packet = packets.packet({ ...SUBJECT, at: AT + 0.25, bytes: 74, flow: FLOW });
    const text = [
      losses.start(AT),
      ...[SUBJECT, ...SUMMARY.elsewhere].map((loss) => losses.loss(AT, { ...loss, packets: 12 })),
      packets.start(AT),
      packet,
      packets.stack(AT, { ...SUBJECT, frames: ['tun_net_xmit'] }),
      packets.notShown(AT, { overLimit: 3, noRoom: 1, untraced: 2 }),
      packets.summary(AT, SUMMARY),
    ].join('');
    for (const line of text.split('\n')) assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
    const letters = packet.replace(/\s/g, '');
    assert.ok(letters.endsWith('qemu(pid17)TCP[2001:db8::1]:80>[2001:db8::2]:40000(SYN)'), packet);
  }
});

test('a packet, a stack, and what was not shown', () => {
  const lines = textLines({ watched: 'tap0', ownNetns: 2, rate: 100 });
  assert.match(lines.start(AT), /^TIME {12}DEVICE .* BYTES .* PACKET\n$/);
  assert.equal(
    lines.packet({ ...SUBJECT, at: AT + 0.25, bytes: 74, flow: FLOW }),
    '03:04:05.250000 1/tap0/3           74 tun     FULL_RING      tun_net_xmit   qemu (pid 17)  TCP [2001:db8::1]:80 > [2001:db8::2]:40000 (SYN)\n',
  );
  const stack = lines.stack(AT, { ...SUBJECT, namespace: 'blue', frames: ['tun_net_xmit', 'dev_hard_start_xmit'] });
  assert.match(stack, /^03:04:05\.000000 blue\/tap0\/3 .*\n {4}tun_net_xmit\n {4}dev_hard_start_xmit\n$/);
  assert.equal(
    lines.notShown(AT, { overLimit: 3, noRoom: 1, untraced: 2 }),
    '03:04:05 not shown: 3 over the limit of 100/s, 1 without room, 2 untraced\n',
  );
  assert.equal(lines.notShown(AT, { overLimit: 0, noRoom: 0, untraced: 0 }), '');
});

test('the summary says what was lost and what was not shown', () => {
  assert.equal(
    textLines({ watched: 'tap0', ownNetns: 1, rate: 100 }).summary(AT, SUMMARY),
    `1 100 packets lost in 10.0 s at the devices or in front of them:
      1030  tap0 queue 3, tun, FULL_RING at tun_net_xmit
        70  tap0, tun, UNTRACED
21 packets lost elsewhere on the host, none of them shown singly:
        21  tap0, beyond, NETFILTER_DROP at nf_hook_slow in blue
Shown: 100. Not shown: 900 over the limit of 100/s, 20 without room, 70 untraced.
10 packets came after the last line.
Untraced packets are counted by the device, and the kernel gave no reason: shared or redirected ones.
1 device went meanwhile: untraced losses of their last second are not counted.
3 devices have ended. The last:
  03:04:00  blue/brief\\x1b0 lived 0.5 s at most, no look saw it: 7 delivered, 4 from it  probe (pid 4720)
2 packets lost beside these found no place among the counts.
The kernel did not run the program for 3 freed packets of the host.
This process took 0.7 % of one CPU. Its probes cost each freed packet of a tun or tap about 0.2 µs; they are detached now.
`,
  );
});

const COST =
  'This process took 0.7 % of one CPU. Its probes cost each freed packet of a tun or tap about 0.2 µs; they are detached now.\n';

test('nothing lost: what was watched for how long, and who asked for losses together reads nothing of packets', () => {
  const nothing = {
    ...SUMMARY,
    packets: 0,
    shown: 0,
    notShown: { overLimit: 0, noRoom: 0, untraced: 0 },
    afterEnd: 0,
    losses: [],
    elsewhere: [],
    devicesGone: 0,
    ended: { devices: 0, latest: [] },
    uncounted: 0,
    skipped: 0,
  };
  assert.equal(
    textLines({ watched: 'tap0', ownNetns: 1, rate: 0 }).summary(AT, nothing),
    `0 packets lost in 10.0 s.\nWatched: tap0, and the ways to it and from it on this host. None was lost.\n${COST}`,
  );
  // Single packets: the same, in place of 'Shown: 0. Not shown: none.'
  assert.equal(
    textLines({ watched: 'tap0', ownNetns: 1, rate: 100 }).summary(AT, nothing),
    textLines({ watched: 'tap0', ownNetns: 1, rate: 0 }).summary(AT, nothing),
  );
  const untraced = { ...nothing, packets: 4, notShown: { ...nothing.notShown, untraced: 4 } };
  assert.match(
    textLines({ watched: 'tap0', ownNetns: 1, rate: 100 }).summary(AT, untraced),
    /^4 packets lost in 10\.0 s:\nShown: 0\. Not shown: 4 untraced\.\nUntraced packets are counted by the device, /,
  );
  const elsewhere = { ...nothing, elsewhere: SUMMARY.elsewhere };
  assert.doesNotMatch(textLines({ watched: 'tap0', ownNetns: 1, rate: 100 }).summary(AT, elsewhere), /Watched|Shown/);
});

test('names that others chose do not speak to the terminal', () => {
  const owner = { pid: 1, comm: 'a\nb\u009b', startedAt: undefined, identity: undefined };
  const hostile = { ...SUBJECT, device: 'tap\u001b[2J', owner };
  const text = textLines({ watched: 'tap0', ownNetns: 1, rate: 0 }).loss(AT, { ...hostile, packets: 1 });
  assert.match(text, /tap\u{fffd}\[2J\/3 .* a\u{fffd}b\u{fffd} \(pid 1\)\n$/u);
});

test('JSON: one object a line, always with the same keys', () => {
  const lines = jsonLines();
  const loss = JSON.parse(lines.loss(AT, { ...UNTRACED, packets: 5 }));
  assert.deepEqual(loss, {
    schema: 2,
    type: 'loss',
    takenAt: AT,
    netns: 1,
    namespace: null,
    device: 'tap0',
    queue: null,
    where: 'tun',
    reason: 'UNTRACED',
    location: null,
    owner: null,
    elsewhere: null,
    packets: 5,
  });
  const flow = { ...FLOW, sourcePort: undefined };
  const packet = JSON.parse(lines.packet({ ...SUBJECT, at: AT, bytes: 60, flow }));
  assert.deepEqual([packet.type, packet.bytes, packet.flow], ['packet', 60, { ...FLOW, sourcePort: null }]);
  const types = [
    lines.start(AT),
    lines.stack(AT, { ...SUBJECT, frames: [] }),
    lines.notShown(AT, SUMMARY.notShown),
    lines.summary(AT, SUMMARY),
  ];
  assert.deepEqual(
    types.map((line) => JSON.parse(line).type),
    ['start', 'stack', 'not-shown', 'summary'],
  );
});
