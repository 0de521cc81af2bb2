// SPDX-License-Identifier: Apache-2.0
// The devices and queues there are, the kernel's own counters, and whether what is counted agrees with these.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { Subject } from '../engine/subject.ts';
import { always, untraceable, withoutOffsets } from '../engine/unavailable.ts';
import type { Device } from '../snapshot/device.ts';
import {
  core,
  counter,
  counters,
  directed,
  flag,
  fromFirst,
  full,
  gauge,
  gauges,
  info,
  series,
  seriesIf,
  sinceDevice,
} from '../snapshot/metric.ts';
import type { Queue } from '../snapshot/queue.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'devices',
    measures: 'devices, queues, rings and the kernel’s own counters in every network namespace',
    mechanisms: [
      {
        name: 'walk',
        provides: ['walk'],
        programs: ['walk_queues', 'recycle', 'settle', 'calibrate', 'read_text'],
        needs: [],
        tradeoff: undefined,
        unavailable: withoutOffsets,
      },
      {
        name: 'rtnetlink',
        programs: [],
        needs: [],
        tradeoff: 'no rings, queues or counters of our own',
        unavailable: always,
      },
    ],
  },
  {
    name: 'ended',
    measures: 'the end of each device, after which another may have its address',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['ends'],
        programs: ['ended_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_free_netdev', 1),
      },
      {
        name: 'identity',
        programs: [],
        needs: WALK,
        tradeoff: 'every packet looks at its device’s kernfs id instead: some 25 instructions more',
        unavailable: always,
      },
    ],
  },
];

/** Undefined where nothing is counted: there is nothing to call exact. */
function isDegraded(subject: Pick<Queue | Device, 'degraded' | 'counters'>): boolean | undefined {
  if (subject.degraded.length > 0) return true;
  return subject.counters === undefined ? undefined : false;
}

const deviceInfoLabels = [
  'ifindex',
  'kind',
  'flow_control',
  'qdisc',
  'queue_length',
  'multi_queue',
  'persistent',
  'vnet_header',
];

export const devices: Subject = {
  name: 'devices',
  events: EVENTS,
  symbols: ['tun_free_netdev'],
  direction: 'transmit',
  metrics: {
    queue: [
      full(
        gauges(
          'tapscope_queue_audit_imbalance_packets',
          'Packets (of the equation stops: stops) by which a conservation equation of the queue does not add up; 0 at rest, under load what moved while it was read.',
          ['equation'],
          (queue) => queue.audit.map(({ equation, imbalance }) => series(imbalance, equation)),
        ),
      ),
      full(
        flag(
          'tapscope_queue_audit_pending',
          '1 while the equation ring of the queue is not checked: from the start of the agent, or a renumbering of queues, until nothing moves between two snapshots. The figures are not in doubt; nothing would show that they were wrong.',
          (queue) => queue.auditPending,
        ),
      ),
      core(
        flag('tapscope_queue_degraded', '1 while figures of this queue are known not to be exact.', isDegraded),
        'fromFirst',
      ),
    ],
    device: [
      core(
        info(
          'tapscope_device_info',
          'What the device is (struct tun_struct, struct net_device); flow_control: what happens to a sender faster than the reader; queue_length: txqueuelen.',
          deviceInfoLabels,
          (device) => [
            series(
              1,
              String(device.ifindex),
              device.kind,
              device.flowControl ?? '',
              device.qdisc ?? '',
              String(device.queueLength),
              String(device.multiQueue),
              String(device.persistent),
              String(device.vnetHeader),
            ),
          ],
        ),
      ),
      core(gauge('tapscope_device_up', '1 while the device is up (IFF_UP).', (device) => Number(device.up))),
      core(
        gauges(
          'tapscope_device_queues',
          'Queues of the device: attached ones take packets, detached ones wait, without a series while there are none (tun_struct.numqueues, numdisabled).',
          ['state'],
          (device) => [
            ...seriesIf(device.attachedQueues, 'attached'),
            ...seriesIf(device.detachedQueues || undefined, 'detached'),
          ],
        ),
      ),
      core(
        fromFirst(
          counters(
            'tapscope_device_unseen_packets_total',
            'Packets that no program of tapscope saw and the kernel’s own counters prove (tx_packets, tx_dropped), by what became of them. With one queue they are in all figures; with several, no queue has them.',
            ['outcome'],
            ({ unseen }) => (unseen ? [series(unseen.enqueued, 'enqueued'), series(unseen.dropped, 'dropped')] : []),
          ),
        ),
      ),
      core(
        sinceDevice(
          counter(
            'tapscope_device_transmit_packets_total',
            'Packets delivered to the guest or reader, by the kernel (tx_packets of rtnl_link_stats64).',
            (device) => device.counters?.txPackets,
          ),
        ),
      ),
      sinceDevice(
        counter(
          'tapscope_device_transmit_dropped_packets_total',
          'Packets towards the guest or reader that the kernel counted as dropped (tx_dropped of rtnl_link_stats64).',
          (device) => device.counters?.txDropped,
        ),
      ),
      directed(
        undefined,
        full(
          gauges(
            'tapscope_device_audit_imbalance_packets',
            'Packets by which a conservation equation over all queues of the device does not add up; 0 at rest, under load what moved while it was read.',
            ['equation'],
            (device) => device.audit.map(({ equation, imbalance }) => series(imbalance, equation)),
          ),
        ),
      ),
      core(flag('tapscope_device_degraded', '1 while figures of this device are known not to be exact.', isDegraded)),
    ],
  },
};
