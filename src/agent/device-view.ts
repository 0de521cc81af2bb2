// SPDX-License-Identifier: Apache-2.0
// A device of the snapshot: what the walk saw, and what each subject adds to it.

import { emptySums } from '../engine/queue-sums.ts';
import type { DeviceView, OpenSubject, QueueView } from '../engine/subject.ts';
import { IFF_UP, TUN_FLAGS, type WalkedDevice } from '../engine/walk.ts';
import { type Device, type FlowControl, NO_DEVICE } from '../snapshot/device.ts';
import { NO_QUEUE, type Queue } from '../snapshot/queue.ts';

/** `slots`: of drop reasons in the sums of a queue that no packet was offered to. */
export function deviceOf(view: DeviceView, subjects: readonly OpenSubject[], slots: number): Device {
  const { walked, accounts } = view;
  const degraded = accounts?.degraded ?? [];
  const split = accounts?.unseen.split;
  const queues = queuesOf(view, subjects, slots, split === undefined ? degraded : [...degraded, split]);
  const device: Device = {
    ...NO_DEVICE,
    netns: walked.netns,
    name: walked.name,
    ifindex: walked.ifindex,
    id: String(walked.id),
    kind: has(walked, 'TAP') ? 'tap' : 'tun',
    up: (walked.deviceFlags & IFF_UP) !== 0,
    carrier: walked.carrier,
    multiQueue: has(walked, 'MULTI_QUEUE'),
    persistent: has(walked, 'PERSIST'),
    vnetHeader: has(walked, 'VNET_HDR'),
    queueLength: walked.queueLength,
    qdisc: walked.qdisc || undefined,
    flowControl: flowControlOf(walked),
    queues,
    attachedQueues: walked.queues.filter(({ detached }) => !detached).length,
    detachedQueues: walked.detachedQueues,
    counters: walked.counters,
    conntrackDropped: walked.conntrackDropped,
    bridgePort: walked.bridgePort,
    unseen: accounts?.unseen,
    audit: accounts?.audit ?? [],
    degraded,
  };
  const added = subjects.map((subject) => subject.device?.(view, queues) ?? {});
  return Object.assign(device, ...added, { uncounted: added.flatMap(({ uncounted }) => uncounted ?? []) });
}

/** Asks to be stopped instead of dropping. */
export function asksForFlowControl(walked: WalkedDevice): boolean {
  return has(walked, 'BACKPRESSURE');
}

/** Where there are several, the kernel counts their packets together. */
export function mayHaveSeveralQueues(walked: WalkedDevice): boolean {
  return has(walked, 'MULTI_QUEUE');
}

function has({ tunFlags }: WalkedDevice, flag: keyof typeof TUN_FLAGS): boolean {
  return (tunFlags & TUN_FLAGS[flag]) !== 0;
}

/** IFF_BACKPRESSURE does nothing without a qdisc that can hold packets, and with a ring of size 0 everything is lost. */
function flowControlOf(walked: WalkedDevice): FlowControl {
  if (!asksForFlowControl(walked)) return 'tail-drop';
  const attached = walked.queues.filter(({ detached }) => !detached);
  return attached.every(({ hasQdisc, capacity }) => hasQdisc && capacity > 0)
    ? 'backpressure'
    : 'backpressure-inactive';
}

function queuesOf(
  view: DeviceView,
  subjects: readonly OpenSubject[],
  slots: number,
  degraded: readonly string[],
): readonly Queue[] {
  const { walked, sums, accounts } = view;
  const rings = new Map(walked.queues.filter(({ detached }) => !detached).map((queue) => [queue.index, queue]));
  const known = subjects.flatMap((subject) => [...(subject.queuesOf?.(walked) ?? [])]);
  const indices = [...new Set([...rings.keys(), ...(sums?.keys() ?? []), ...known])].sort((a, b) => a - b);
  return indices.map((index) => {
    const counted = sums && (sums.get(index) ?? emptySums(slots));
    const balance = accounts?.queues.get(index);
    return queueOf({ device: view, index, ring: rings.get(index), sums: counted, balance }, subjects, degraded);
  });
}

function queueOf(view: QueueView, subjects: readonly OpenSubject[], degraded: readonly string[]): Queue {
  const { index, balance } = view;
  const unknown =
    balance?.known === false
      ? ['packets of several queues are not told apart: no program counts what enters or leaves their rings']
      : [];
  const queue: Queue = {
    index,
    ...NO_QUEUE,
    auditPending: balance?.auditPending,
    degraded: [...degraded, ...unknown],
  };
  const added = subjects.map((subject) => subject.queue?.(view) ?? {});
  return Object.assign(queue, ...added, { audit: added.flatMap(({ audit }) => audit ?? []) });
}
