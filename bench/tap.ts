// SPDX-License-Identifier: Apache-2.0
// The tap of a send cell: made, given its ring and qdisc, read by a program or by guests, and taken away again.

import { allowedCpus } from '../src/kernel/process-text.ts';
import type { Device } from '../src/snapshot/device.ts';
import type { SendCell } from './bench-report.ts';
import { type BenchSetup, DEVICE, Missing, missingIf, RING } from './bench-setup.ts';
import { raise } from './own-device.ts';

/** The CPU that vhost-net's worker shares with pktgen's first thread, as in the series. */
export const PINNED_TO = 0;
/** A CPU on which a single thread of pktgen is not. */
export const APART_FROM_SENDER = 1;
const GUEST = { entries: 256, buffer: 2048 };

export async function setUpTap(setup: BenchSetup, cell: SendCell): Promise<Device> {
  const { traffic } = setup;
  const { queues, flow } = cell;
  const cpu = readerCpu(cell);
  await traffic.pin(cpu).catch(missingIf('EINVAL')); // a cpuset without that CPU
  for (const id of queueIds(cell)) await openQueue(setup, cell, id);
  const qdisc = flow === 'no-qdisc' ? 'noqueue' : 'fq_codel';
  await raise({ namespace: traffic.namespace, name: DEVICE, queues }, RING, qdisc).catch(missingIf('QDISC'));
  for (const id of queueIds(cell)) await startReading(setup, cell, id);
  await setup.refresh();
  const device = await setup.look();
  if (cpu !== undefined && cell.reader === 'vhost') await requirePinned(device, cpu);
  return device;
}

/** undefined: the reader is not pinned. */
export function readerCpu({ pinned, apart }: SendCell): number | undefined {
  if (!pinned) return undefined;
  return apart ? APART_FROM_SENDER : PINNED_TO;
}

async function openQueue({ traffic }: BenchSetup, { queues, flow, reader }: SendCell, id: string): Promise<void> {
  const stops = await traffic.open(id, DEVICE, [
    ...(queues > 1 ? (['mq'] as const) : []),
    ...(reader === 'vhost' ? (['vnet'] as const) : []),
    ...(flow === 'tail-drop' ? [] : (['backpressure'] as const)),
  ]);
  if (!stops && flow !== 'no-qdisc') throw new Missing("this kernel's tun has no IFF_BACKPRESSURE (Linux 7.3 has it)");
}

async function startReading({ traffic }: BenchSetup, { reader }: SendCell, id: string): Promise<void> {
  if (reader === 'tap') return traffic.read(id);
  await traffic.guest(id, GUEST).catch(missingIf('ENOENT', 'ENODEV', 'ENXIO'));
  await traffic.receive(id);
}

/** A worker that is a kernel thread does not take the CPUs of who asked for it. */
async function requirePinned({ queues }: Device, cpu: number): Promise<void> {
  for (const { vhost } of queues) {
    if (!vhost?.worker) throw new Missing("the agent does not see vhost-net's worker here, nor whether it is pinned");
    if ((await allowedCpus(vhost.worker.tid)) !== String(cpu))
      throw new Missing("vhost-net's worker runs where the kernel wants it (before Linux 6.4)");
  }
}

/** Packets that readers or guests got. */
export async function stopReading({ traffic }: BenchSetup, cell: SendCell): Promise<number> {
  let packets = 0;
  for (const id of queueIds(cell)) {
    if (cell.reader === 'vhost') await traffic.stopReceiving(id);
    packets += await (cell.reader === 'tap' ? traffic.stopReading(id) : traffic.unguest(id));
  }
  return packets;
}

/** Takes the tap down in any state that it is in. */
export async function takeDownTap({ traffic }: BenchSetup, cell: SendCell): Promise<void> {
  const gone = (): undefined => undefined;
  for (const id of queueIds(cell)) {
    if (cell.reader === 'tap') await traffic.stopReading(id).catch(gone);
    else await traffic.stopReceiving(id).catch(gone);
    if (cell.reader === 'vhost') await traffic.unguest(id).catch(gone);
    await traffic.close(id).catch(gone);
  }
}

function queueIds({ queues }: SendCell): readonly string[] {
  return Array.from({ length: queues }, (_, index) => `q${index}`);
}
