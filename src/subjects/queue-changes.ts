// SPDX-License-Identifier: Apache-2.0
// How often queues joined a device and left it: counted by a probe where one can be attached, else by what the walk finds.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { DeviceSums } from '../engine/queue-sums.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import type { QueueChanges } from '../snapshot/device.ts';
import { counters, fromFirst, series } from '../snapshot/metric.ts';
import { attachedIn, WalkedQueueChanges } from './walked-queue-changes.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'queue-changes',
    measures: 'how often queues joined and left a device',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['detaches', 'changes'],
        programs: ['left_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, '__tun_detach', 2),
      },
      {
        name: 'walk',
        provides: ['changes'],
        programs: [],
        needs: WALK,
        tradeoff:
          'as exact, but for the only attached queue of a device: that it was detached and attached again between two snapshots is not counted',
        unavailable: ({ limits }) =>
          limits.folderRevisions
            ? undefined
            : { kind: 'absent', reason: 'sysfs counts no changes of its folders, which came with Linux 5.15' },
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'only how many there are now is shown', unavailable: always },
    ],
  },
];

interface Known {
  /** Queues attached when the device was first seen, plus those that had left before. */
  readonly base: number;
  joined: number;
}

/** By what the probe counts: queues that leave. Those that join follow from how many there are. */
class CountedQueueChanges {
  readonly #devices = new Map<bigint, Known>();

  /** `sums` were read before the walk. */
  update({ id, queues }: WalkedDevice, sums: DeviceSums): QueueChanges {
    const left = sums.get(0)?.events.get('queue_left') ?? 0;
    const attached = attachedIn(queues);
    const known = this.#devices.get(id) ?? { base: attached + left, joined: 0 };
    this.#devices.set(id, known);
    // A queue that left between the two is not yet counted: the figure waits for it.
    known.joined = Math.max(known.joined, attached + left - known.base);
    return { joined: known.joined, left };
  }

  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#devices.keys()) if (!present.has(id)) this.#devices.delete(id);
  }
}

function open({ probes: { can } }: Parts): OpenSubject {
  const counted = new CountedQueueChanges();
  const walked = new WalkedQueueChanges();
  const totals = new Map<bigint, QueueChanges | undefined>();
  return {
    see: (device, sums) => {
      const seen = walked.update(device);
      // The probe counts moves too.
      const byProbe = can('detaches') ? counted.update(device, sums) : undefined;
      totals.set(device.id, byProbe ?? (can('changes') ? seen.total : undefined));
      return { queuesChanged: byProbe === undefined && seen.changed };
    },
    device: ({ walked: { id } }) => ({ queueChanges: totals.get(id) }),
    keepOnly: (present) => {
      for (const changes of [counted, walked]) changes.forget(present);
      for (const id of totals.keys()) if (!present.has(id)) totals.delete(id);
    },
  };
}

export const queueChanges: Subject = {
  name: 'queue-changes',
  events: EVENTS,
  symbols: ['__tun_detach'],
  open,
  metrics: {
    device: [
      fromFirst(
        counters(
          'tapscope_device_queue_changes_total',
          'Times that a queue joined or left the device since it was first seen: opened or closed, attached or detached by TUNSETQUEUE (__tun_detach, tun_struct.numqueues).',
          ['change'],
          ({ queueChanges: changes }) =>
            changes ? [series(changes.joined, 'joined'), series(changes.left, 'left')] : [],
        ),
      ),
    ],
  },
};
