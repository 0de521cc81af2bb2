// SPDX-License-Identifier: Apache-2.0
// One run of a message cell: a guest of vhost-net sends messages of one size, in a protocol that the host does not know.
// The host lets go of each at once, so that nothing there has to copy it.

import type { Device } from '../src/snapshot/device.ts';
import { type Comparison, compare, doubts } from './agreement.ts';
import type { MessageCell, Run } from './bench-report.ts';
import { type BenchSetup, DEVICE, missingIf, RING } from './bench-setup.ts';
import { interruptsSince, readInterrupts } from './interrupts.ts';
import { deleteLink, makeMacvtap, raise } from './own-device.ts';
import type { Sent } from './traffic/traffic.ts';

const QUEUE = 'q0';
const ENTRIES = 1024;
/** Bytes of virtio-net's header. Buffers lie side by side; a page that two of them share would be pinned twice. */
const HEADER = 12;
const PAGE = 4096;

/** Below the macvtap. */
const LOWER = 'bench-lower';

export async function runMessageCell(setup: BenchSetup, cell: MessageCell, seconds: number): Promise<Run> {
  const { traffic } = setup;
  const { namespace } = traffic;
  await traffic.pin(undefined);
  if (cell.device === 'macvtap') await makeMacvtap(namespace, DEVICE, LOWER).catch(missingIf('MODULE'));
  await traffic.open(QUEUE, DEVICE, ['vnet'], cell.device);
  try {
    await raise({ namespace, name: DEVICE, queues: 1 }, RING, 'noqueue');
    return await sendMessages(setup, cell, seconds);
  } finally {
    // After an interruption nothing answers, and all of it has gone.
    const gone = (): undefined => undefined;
    await traffic.close(QUEUE).catch(gone);
    if (cell.device === 'macvtap') await deleteLink(namespace, LOWER).catch(gone);
  }
}

async function sendMessages(setup: BenchSetup, { size }: MessageCell, seconds: number): Promise<Run> {
  const { traffic } = setup;
  const buffer = Math.ceil((HEADER + size) / PAGE) * PAGE;
  await traffic.guest(QUEUE, { entries: ENTRIES, buffer }).catch(missingIf('ENOENT', 'ENODEV', 'ENXIO'));
  await setup.refresh();
  await setup.look();
  const [interrupts, began] = [readInterrupts(), performance.now()];
  const sent = await traffic.send(QUEUE, size, seconds);
  const interruptsPerSecond =
    (1000 * interruptsSince(interrupts, readInterrupts()).total) / (performance.now() - began);
  const run = { ...judge(await setup.look(), size, sent), vmmSeconds: sent.ranSeconds, interruptsPerSecond };
  await traffic.unguest(QUEUE);
  return run;
}

/** Messages that came from the guest and went on, and those that did not; undefined: not measured. */
function countsOf({ counters, receive, macvtap }: Device): {
  readonly passedOn: number | undefined;
  readonly dropped: number | undefined;
} {
  if (macvtap) return { passedOn: macvtap.written, dropped: macvtap.refused };
  const dropped = (receive?.dropped ?? []).reduce((sum, { packets }) => sum + packets, 0);
  return { passedOn: counters?.rxPackets, dropped };
}

function judge(device: Device, size: number, { sent, seconds }: Sent): Run {
  const { passedOn, dropped } = countsOf(device);
  const vhost = device.queues[0]?.vhost;
  const zeroCopy = vhost?.zeroCopy;
  const notTried = Object.values(zeroCopy?.notTried ?? {}).reduce((sum, packets) => sum + packets, 0);
  const comparisons: Comparison[] = [
    ['messages', passedOn, 'the guest', sent],
    // The walk does not read the bytes of a macvtap.
    ...(device.macvtap ? [] : [['bytes', device.counters?.rxBytes, 'the guest', sent * size] as const]),
    ['messages that the host dropped', dropped, 'the guest', 0],
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
    transmitted: passedOn ?? Number.NaN,
    lost: dropped ?? Number.NaN,
    droppedBefore: 0,
    uncopied: zeroCopy?.completed.uncopied ?? 0,
    workerSeconds: vhost?.worker?.seconds,
    disagreements: [...compare(comparisons), ...doubts(device)],
  };
}
