// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// When what a program read proves that packets were cut, and when it proves nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import { quietHost } from '../../../test/snapshots/quiet-host.ts';
import type { Device } from '../../snapshot/device.ts';
import type { ProgramReads, ProgramSide, ProgramSocket } from '../../snapshot/program.ts';
import type { DeviceSpan } from '../window.ts';
import { programDoubts, readsOf, socketsOf, waitsToSend } from './program-side.ts';

const PACKETS = 1000;
const LONG = 4000;
const SIDE: ProgramSide = { holders: 1, sockets: [], mtu: 9000, readHeader: 0, unreadable: [] };

interface Plan {
  readonly size?: number;
  readonly got?: number;
  readonly calls?: number;
  readonly readers?: string;
  /** Why nothing is known of what was read. */
  readonly unreadable?: string;
  readonly vnetHeader?: boolean;
}

/** A window of ten seconds, in which the device handed out PACKETS. */
function spanOf({
  size = LONG,
  got = PACKETS * size,
  calls = PACKETS,
  readers = 'a',
  unreadable,
  vnetHeader = false,
}: Plan): DeviceSpan {
  const [device] = quietHost([{ queues: [{ delivered: 10 }] }]).devices;
  assert.ok(device?.now.counters);
  const { counters } = device.now;
  const state = (packets: number, reads: ProgramReads): Device => ({
    ...device.now,
    vnetHeader,
    counters: { ...counters, txPackets: packets, txBytes: packets * size },
    programSide: unreadable === undefined ? { ...SIDE, reads } : { ...SIDE, unreadable: [unreadable] },
  });
  const before = state(0, { readers: 'a', threads: 1, bytesBefore: 0, bytes: 0, callsBefore: 0, calls: 0 });
  const now = state(PACKETS, { readers, threads: 1, bytesBefore: got, bytes: got, callsBefore: calls, calls });
  return { seconds: 10, before, now, steps: [before, now], takenAt: [0, 10], queues: [], agent: goldenSnapshot.agent };
}

for (const [name, plan, cut] of [
  ['whole packets', {}, 0],
  ['1 500 bytes of each', { got: PACKETS * 1500 }, PACKETS * 2500],
  ['all of it, and much else', { got: 2 * PACKETS * LONG }, 0],
  ['fewer calls than packets: some are read by another way', { got: PACKETS * 1500, calls: PACKETS / 2 }, undefined],
  ['8 bytes for each: an event, no packet', { got: PACKETS * 8 }, undefined],
  ['other readers than before', { got: PACKETS * 1500, readers: 'b' }, undefined],
] as const) {
  test(`readers got ${name}`, () => {
    const reads = readsOf(spanOf(plan));
    if (cut === undefined || cut === 0) assert.equal(reads?.cut, cut);
    else assert.ok(reads && reads.cut <= cut && reads.cut > 0.9 * cut, `${reads?.cut}`);
  });
}

for (const [name, plan, isDoubted] of [
  ['they fit', {}, false],
  ['its program reads much else', { got: 2 * PACKETS * LONG }, true],
  ['an io_uring reads them', { unreadable: 'its program has an io_uring' }, true],
  ['they are short', { size: 1400, got: 2 * PACKETS * 1400 }, false],
  ['they are segments behind a virtio-net header', { got: 2 * PACKETS * LONG, vnetHeader: true }, false],
] as const) {
  test(`long packets and a doubt: ${name}`, () => {
    assert.equal(programDoubts(spanOf(plan)).length > 0, isDoubted);
  });
}

const UDP: ProgramSocket = {
  inode: 1,
  pid: 812,
  comm: 'openvpn',
  kind: 'UDP',
  localPort: 1194,
  netns: 4,
  drops: 0,
  received: 0,
  receiveLimit: 4096,
  sent: 100,
  sendLimit: 100,
  hasRefused: true,
};

/** A sample a second of these sockets. */
function socketSpans(samples: readonly (readonly Partial<ProgramSocket>[])[]): ReturnType<typeof socketsOf> {
  const span = spanOf({});
  const steps = samples.map((sockets): Device => {
    const side = { ...SIDE, sockets: sockets.map((one) => ({ ...UDP, ...one })) };
    return { ...span.now, programSide: side };
  });
  const [before, now] = [steps[0], steps.at(-1)];
  assert.ok(before && now);
  return socketsOf({ ...span, before, now, steps, takenAt: steps.map((_, second) => second) });
}

for (const [name, samples, dropped] of [
  ['that stays', [[{ drops: 70 }], [{ drops: 80 }], [{ drops: 90 }], [{ drops: 95 }]], [25]],
  [
    'that its program opens anew, at the same port',
    [[{ drops: 70 }], [{ drops: 80 }], [{ inode: 2, drops: 5 }], [{ inode: 3, drops: 7 }]],
    [22],
  ],
  [
    'that is seen late, with drops of before',
    [[], [{ drops: 80 }], [{ drops: 80 }], [{ drops: 80 }], [{ drops: 81 }]],
    [1],
  ],
  [
    'that shares its port with another',
    [1, 2, 3, 4].map((drops) => [{ drops }, { inode: 2, drops: 10 * drops }]),
    [33],
  ],
  ['that is seen once', [[], [], [], [{ drops: 80 }]], []],
] as const) {
  test(`drops of a socket ${name}`, () => {
    assert.deepEqual(
      socketSpans(samples).map(({ loss }) => loss.lost),
      dropped,
    );
  });
}

for (const isRelative of [false, true]) {
  test(`a full send buffer of ${isRelative ? 'a child, which may be what sends to the device' : 'its program'}`, () => {
    const [span] = socketSpans([1, 2, 3, 4].map(() => [{ isRelative }]));
    assert.equal(span && waitsToSend(span), !isRelative);
  });
}

/** A window of ten seconds, in which the device took so many packets of 100 bytes behind a header of 10. */
function writing({
  taken,
  calls,
  written,
}: {
  readonly taken: number;
  readonly calls: number;
  readonly written: number;
}): DeviceSpan {
  const [device] = quietHost([{ queues: [{ delivered: 0 }] }]).devices;
  assert.ok(device?.now.counters);
  const { counters } = device.now;
  const state = (rxPackets: number, bytes: number, writeCalls: number): Device => ({
    ...device.now,
    counters: { ...counters, rxPackets, rxBytes: rxPackets * 100 },
    programSide: {
      ...SIDE,
      readHeader: 10,
      writes: { writers: 'a', bytesBefore: bytes, bytes, callsBefore: writeCalls, calls: writeCalls },
    },
  });
  const [before, now] = [state(0, 0, 0), state(taken, written, calls)];
  return { seconds: 10, before, now, steps: [before, now], takenAt: [0, 10], queues: [], agent: goldenSnapshot.agent };
}

for (const [name, plan, failed] of [
  ['all of which the device took', { taken: 1000, calls: 1000, written: 110_000 }, undefined],
  ['of which it took none', { taken: 0, calls: 1000, written: 0 }, '1 000'],
  ['of which it took half', { taken: 500, calls: 1000, written: 55_000 }, '500'],
  ['of which it took all, and as many events', { taken: 1000, calls: 2000, written: 118_000 }, undefined],
  ['of which it took none, and a line of a log for some', { taken: 0, calls: 1010, written: 500 }, '510'],
  ['of which few failed', { taken: 1000, calls: 1100, written: 110_000 }, undefined],
] as const)
  test(`a program made writes ${name}`, () => {
    const doubts = programDoubts(writing(plan));
    if (failed === undefined) assert.deepEqual(doubts, []);
    else assert.match(doubts.join(), new RegExp(`^at least ${failed} writes of its program failed`));
  });
