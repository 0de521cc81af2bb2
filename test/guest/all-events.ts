// SPDX-License-Identifier: Apache-2.0
// One tap to which everything happens once that tun and vhost-net can do to packets, in numbers that are known; and what Prometheus gets of it.
import { setTimeout as wait } from 'node:timers/promises';
import type { Agent } from '../agent/serve-process.ts';
import type { NamespaceLab } from '../host/netns.ts';
import type { TestReader } from '../test-reader/test-reader.ts';
import { DEVICE } from './traffic-scenario.ts';

/** Sums over the device's series; without those that are not measured here. */
export type Seen = Readonly<Partial<Record<keyof typeof SERIES, number>>>;

const SERIES = {
  offered: 'queue_offered_packets_total',
  dropped: 'queue_dropped_packets_total',
  delivered: 'queue_delivered_packets_total',
  failed: 'queue_failed_packets_total',
  resized: 'queue_resized_packets_total',
  purged: 'queue_purged_packets_total',
  waiting: 'ring_occupancy_packets',
  consumed: 'queue_consumed_packets_total',
  returned: 'queue_unproduced_packets_total',
  batched: 'vhost_batch_packets_sum',
  'discarded buffers': 'vhost_discarded_buffers_total',
  received: 'receive_packets_total',
  'received in batches': 'vhost_receive_batch_packets_sum',
  'refused writes': 'receive_refused_writes_total',
  'queue changes': 'device_queue_changes_total',
  transmitted: 'device_transmit_packets_total',
  'transmit dropped': 'device_transmit_dropped_packets_total',
  owners: 'queue_owner_info',
  'device owners': 'device_owner_info',
  'device marks': 'device_degraded',
  'queue marks': 'queue_degraded',
  'device imbalance': 'device_audit_imbalance_packets',
  'queue imbalance': 'queue_audit_imbalance_packets',
} as const;

/** The true numbers. */
export const TRUTH: Seen = {
  offered: 405,
  dropped: 200,
  delivered: 130,
  failed: 3,
  resized: 47,
  purged: 25,
  waiting: 0,
  consumed: 187,
  returned: 54,
  batched: 64,
  'discarded buffers': 0,
  received: 5,
  'received in batches': 5,
  'refused writes': 2,
  'queue changes': 2,
  transmitted: 130,
  'transmit dropped': 200,
  owners: 1,
  'device owners': 1,
  'device marks': 0,
  'queue marks': 0,
  'device imbalance': 0,
  'queue imbalance': 0,
};

const RING = 100;
const SMALL_RING = 30;
/** So many snapshots must disagree before a device is marked. */
const PATIENCE = 4;

/** Plays the events before an agent that takes snapshots meanwhile. The reader and the device stay. */
export async function allEvents(lab: NamespaceLab, agent: Agent): Promise<Seen> {
  const testReader = await lab.testReader();
  await testReader.open('a', DEVICE, 'tap', 'vnet', 'persist');
  const peer = await lab.raise(DEVICE, RING);
  for (const act of [overflow, shrink, takeAndReturn, sendFromGuest, closeFull, refuse]) {
    await act(lab, testReader, peer);
    await agent.metrics();
  }
  for (let look = 0; look < PATIENCE; look++) await agent.metrics();
  await wait(1000); // links and owners, where nothing better knows them, are looked at now and then
  const metrics = await agent.metrics();
  const labels = { netns: String(lab.inode), device: DEVICE };
  const sum = (name: string): number | undefined => metrics.by('device', `tapscope_${name}`, labels)[DEVICE];
  return Object.fromEntries(
    Object.entries(SERIES).flatMap(([name, series]) => {
      const packets = sum(series);
      return packets === undefined ? [] : [[name, packets]];
    }),
  );
}

/** 300 packets come to a ring of 100; 20 are read, 3 reads fail. */
async function overflow(_lab: NamespaceLab, testReader: TestReader, peer: string): Promise<void> {
  await testReader.udp(peer, 9, 300, 64);
  await testReader.read('a', 20);
  await testReader.readBad('a', 3);
}

/** 30 of the 77 packets in the ring stay. */
async function shrink(lab: NamespaceLab, testReader: TestReader): Promise<void> {
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${SMALL_RING}`);
  await testReader.read('a', 'all');
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING}`);
}

/** A guest takes 64 of 80 packets, keeps 10 and gives 54 back. */
async function takeAndReturn(_lab: NamespaceLab, testReader: TestReader, peer: string): Promise<void> {
  await testReader.udp(peer, 9, 80, 64);
  await testReader.guest('a');
  await testReader.offer('a', 10);
  while ((await testReader.received('a')).packets < 10) await wait(20);
  await testReader.unguest('a');
  await testReader.read('a', 'all');
}

async function sendFromGuest(_lab: NamespaceLab, testReader: TestReader): Promise<void> {
  await testReader.guest('a');
  await testReader.send('a', 5, 60);
  await testReader.unguest('a');
}

async function closeFull(_lab: NamespaceLab, testReader: TestReader, peer: string): Promise<void> {
  await testReader.udp(peer, 9, 25, 64);
  await testReader.close('a');
  await testReader.open('a', DEVICE, 'tap', 'vnet', 'persist');
}

async function refuse(lab: NamespaceLab, testReader: TestReader): Promise<void> {
  await lab.ip(`link set dev ${DEVICE} down`);
  await testReader.write('a', 2, 60);
}
