// SPDX-License-Identifier: Apache-2.0
// One run of a message cell: a guest of vhost-net sends messages of one size, in a protocol that the host does not know.
// The host lets go of each at once, so that nothing there has to copy it.

import type { Device } from '../src/snapshot/device.ts';
import { type Comparison, compare, doubts } from './agreement.ts';
import type { MessageCell, Run } from './bench-report.ts';
import { type BenchSetup, DEVICE, missingIf, RING } from './bench-setup.ts';
import { raise } from './own-device.ts';

const QUEUE = 'q0';
const ENTRIES = 1024;
/** Bytes of virtio-net's header. Buffers lie side by side; a page that two of them share would be pinned twice. */
const HEADER = 12;
const PAGE = 4096;

export async function runMessageCell(setup: BenchSetup, { size }: MessageCell, seconds: number): Promise<Run> {
  const { traffic } = setup;
  await traffic.pin(undefined);
  await traffic.open(QUEUE, DEVICE, ['vnet']);
  await raise({ namespace: traffic.namespace, name: DEVICE, queues: 1 }, RING, 'noqueue');
  const buffer = Math.ceil((HEADER + size) / PAGE) * PAGE;
  await traffic.guest(QUEUE, { entries: ENTRIES, buffer }).catch(missingIf('ENOENT', 'ENODEV', 'ENXIO'));
  await setup.refresh();
  await setup.look();
  const sent = await traffic.send(QUEUE, size, seconds);
  const run = judge(await setup.look(), size, sent);
  await traffic.unguest(QUEUE);
  await traffic.close(QUEUE);
  return run;
}

function judge(device: Device, size: number, { sent, seconds }: { sent: number; seconds: number }): Run {
  const { counters, queues, receive } = device;
  const vhost = queues[0]?.vhost;
  const zeroCopy = vhost?.zeroCopy;
  const notTried = Object.values(zeroCopy?.notTried ?? {}).reduce((sum, packets) => sum + packets, 0);
  const dropped = (receive?.dropped ?? []).reduce((sum, { packets }) => sum + packets, 0);
  const comparisons: Comparison[] = [
    ['messages', counters?.rxPackets, 'the guest', sent],
    ['bytes', counters?.rxBytes, 'the guest', sent * size],
    ['messages that tun dropped', dropped, 'the guest', 0],
  ];
  if (zeroCopy) {
    const { completed, tried } = zeroCopy;
    comparisons.push(
      ['messages with and without zero-copy', tried + notTried, 'the guest', sent],
      ['completed zero-copies', completed.uncopied + completed.copied, 'its attempts', tried],
    );
  }
  return {
    seconds,
    transmitted: counters?.rxPackets ?? Number.NaN,
    lost: dropped,
    droppedBefore: 0,
    uncopied: zeroCopy?.completed.uncopied ?? 0,
    workerSeconds: vhost?.worker?.seconds,
    disagreements: [...compare(comparisons), ...doubts(device)],
  };
}
