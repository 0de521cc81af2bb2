// SPDX-License-Identifier: Apache-2.0
// For tests of the accounts: devices and queues as the walk of a kernel shows them, at rest but for what a test says.
import type { WalkedDevice, WalkedQueue } from '../../src/engine/walk.ts';

export function walkedQueue(index: number, occupancy: number, more: Partial<WalkedQueue> = {}): WalkedQueue {
  return {
    index,
    occupancy,
    tunFile: BigInt(index + 1),
    file: BigInt(index + 1),
    capacity: 100,
    lag: 0,
    consumerHead: 0,
    takenSince: 0,
    detached: false,
    stopped: false,
    hasQdisc: true,
    unsteady: false,
    backend: undefined,
    reader: undefined,
    ...more,
  };
}

export function walkedDevice(queues: readonly WalkedQueue[], txPackets: number, txDropped = 0): WalkedDevice {
  return {
    kind: 'tun',
    id: 1n,
    address: 1n,
    netns: 1,
    name: 'tap0',
    ifindex: 2,
    qdisc: 'fq_codel',
    backlog: undefined,
    tunFlags: 2,
    deviceFlags: 1,
    carrier: true,
    queueLength: 100,
    carrierUps: 1,
    queueChanges: queues.length,
    conntrackDropped: undefined,
    detachedQueues: 0,
    queues,
    counters: { txPackets, txDropped, txBytes: 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 },
    frameErrors: 0,
    xdp: { native: 0, generic: 0 },
    bridgePort: undefined,
  };
}
