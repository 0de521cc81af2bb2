// SPDX-License-Identifier: Apache-2.0
// Each logical event and the mechanisms that can measure it, best first.
import type { Host } from '../kernel/host.ts';
import { DEPARTURE_EVENTS } from './departure-events.ts';
import { type ProbeEvent, WALK } from './mechanism.ts';
import { always, type Obstacle, untraceable, withoutSymbols } from './obstacles.ts';
import { RECEIVE_EVENTS } from './receive-events.ts';
import { VHOST_EVENTS } from './vhost-events.ts';

export const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'devices',
    measures: 'devices, queues, rings and the kernel’s own counters in every network namespace',
    mechanisms: [
      {
        name: 'walk',
        programs: ['walk_queues', 'recycle', 'settle', 'calibrate', 'read_text'],
        needs: [],
        price: undefined,
        obstacle: always,
      },
      {
        name: 'rtnetlink',
        programs: [],
        needs: [],
        price: 'no rings, queues or counters of our own',
        obstacle: always,
      },
    ],
  },
  {
    name: 'ended',
    measures: 'the end of each device, after which another may have its address',
    mechanisms: [
      {
        name: 'fentry',
        programs: ['ended_fentry'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) => untraceable(host, 'tun_free_netdev', 1),
      },
      {
        name: 'identity',
        programs: [],
        needs: WALK,
        price: 'every packet looks at its device’s kernfs id instead: some 25 instructions more',
        obstacle: always,
      },
    ],
  },
  {
    name: 'freed',
    measures: 'drop reasons, packets purged and cut by a resize',
    mechanisms: [
      { name: 'tp_btf', programs: ['dropped_typed'], needs: WALK, price: undefined, obstacle: withoutSymbols },
      {
        name: 'raw-tracepoint',
        programs: ['dropped_raw'],
        needs: WALK,
        price: 'the same counts, each drop some instructions dearer',
        obstacle: withoutSymbols,
      },
    ],
  },
  {
    name: 'before',
    measures: 'losses before tun: qdisc, bridge, no reader',
    mechanisms: [{ name: 'raw-tracepoint', programs: [], needs: ['freed='], price: undefined, obstacle: always }],
  },
  {
    name: 'queue-changes',
    measures: 'how often queues joined and left a device',
    mechanisms: [
      {
        name: 'fentry',
        programs: ['left_fentry'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) => untraceable(host, '__tun_detach', 2),
      },
      {
        name: 'walk',
        programs: [],
        needs: WALK,
        price:
          'as exact, but for the only attached queue of a device: that it was detached and attached again between two snapshots is not counted',
        obstacle: always,
      },
      { name: 'none', programs: [], needs: [], price: 'only how many there are now is shown', obstacle: always },
    ],
  },
  {
    name: 'transmit',
    shed: ['fentry', 'raw-tracepoint'],
    measures: 'packets and bytes offered to each queue, enqueued and dropped',
    mechanisms: [
      {
        name: 'fentry',
        programs: ['offered_fentry', 'sent_fexit'],
        pins: true,
        needs: [...WALK, 'ended=fentry'],
        price: undefined,
        obstacle: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'raw-tracepoint',
        programs: ['offered_raw', 'sent_raw'],
        needs: WALK,
        price:
          'as exact, but blind to packets that bypass dev_hard_start_xmit, and every packet of the host pays for it',
        obstacle: always,
      },
      {
        name: 'arithmetic',
        programs: [],
        needs: [...WALK, 'freed='],
        price:
          'no bytes; drops of shared packets per device only; before Linux 7.3 nothing per queue where there are several',
        obstacle: always,
      },
    ],
  },
  {
    name: 'consumed',
    measures: 'packets taken out of each ring',
    mechanisms: [
      {
        name: 'fentry',
        programs: ['consumed_fentry', 'consumed_vhost_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry'],
        price: undefined,
        obstacle: (host) => untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'tun_wake_queue', 2),
      },
      {
        name: 'arithmetic',
        programs: [],
        needs: [...WALK, 'freed=', 'transmit=fentry|raw-tracepoint'],
        price: 'exact at rest; under load what was certainly delivered',
        obstacle: always,
      },
      {
        name: 'device-counter',
        programs: [],
        needs: WALK,
        price: 'the kernel’s tx_packets: per queue only where a device has one',
        obstacle: always,
      },
    ],
  },
  ...DEPARTURE_EVENTS,
  ...VHOST_EVENTS,
  {
    name: 'allocation',
    measures: 'whether packets are freed on the CPU on which they were allocated',
    mechanisms: [
      {
        name: 'tp_btf',
        programs: ['consumed_typed'],
        onDemand: true,
        needs: WALK,
        price: 'a probe for each packet that the host consumes',
        obstacle: (host) => withoutSymbols(host) ?? withoutLocation(host),
      },
      { name: 'none', programs: [], needs: [], price: 'it is not shown', obstacle: always },
    ],
  },
  {
    name: 'stops',
    measures: 'stops and wakes of queues that are stopped instead of dropping (IFF_BACKPRESSURE)',
    demanded: { by: 'backpressure', mechanisms: ['fentry'] },
    mechanisms: [
      {
        name: 'fentry',
        programs: [
          'woken_fentry',
          'woken_fexit',
          'forced_fentry',
          'forced_fexit',
          'detached_fentry',
          'detached_fexit',
          'closed_fentry',
          'softirq_begun',
          'softirq_ended',
        ],
        pins: true,
        needs: ['consumed=fentry'],
        price: undefined,
        obstacle: (host) => untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'netif_tx_wake_queue', 1),
      },
      {
        name: 'waiting',
        programs: [],
        needs: ['consumed=fentry'],
        price: 'attached once a device has IFF_BACKPRESSURE, because every wake of a network card pays for it',
        obstacle: (host) => untraceable(host, '__tun_wake_queue', 3),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        price: 'there is nothing to see: before Linux 7.3 tun drops and never stops',
        obstacle: (host) =>
          withoutSymbols(host) ??
          (host.symbols?.address('__tun_wake_queue') === undefined
            ? undefined
            : { kind: 'absent', reason: 'this kernel can stop queues' }),
      },
    ],
  },
  ...RECEIVE_EVENTS,
  {
    name: 'readers',
    measures: 'the thread that reads each queue, and what it does while the queue is full or stopped',
    mechanisms: [{ name: 'looks', programs: ['look_at_readers'], needs: WALK, price: undefined, obstacle: always }],
  },
  {
    name: 'owners',
    measures: 'the process that holds each queue',
    mechanisms: [
      { name: 'iterator', programs: ['queue_owners'], needs: WALK, price: undefined, obstacle: withoutSymbols },
      {
        name: 'procfs',
        programs: [],
        needs: [],
        price:
          'knows the device of a descriptor, not its queue: names no process where several hold one device, or of a macvtap',
        obstacle: always,
      },
    ],
  },
];

/** `--mechanism EVENT=NAME`, checked: an unknown word is one clear sentence. */
export function parseForced(choices: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    choices.map((choice) => {
      const [eventName = '', mechanism = ''] = choice.split('=');
      const event = EVENTS.find(({ name }) => name === eventName);
      if (!event)
        throw new Error(
          `--mechanism ${choice}: there is no event '${eventName}'. Use one of ${EVENTS.map(({ name }) => name).join(', ')}.`,
        );
      const known = event.mechanisms.map(({ name }) => name);
      if (!known.includes(mechanism) && mechanism !== 'off')
        throw new Error(
          `--mechanism ${choice}: ${eventName} has no mechanism '${mechanism}'. Use one of ${[...known, 'off'].join(', ')}.`,
        );
      return [eventName, mechanism] as const;
    }),
  );
}

/** The tracepoint skb:consume_skb names the function since 6.3; its own arguments come after the one of the hook. */
function withoutLocation(host: Host): Obstacle | undefined {
  const args = host.functionArgs('__traceiter_consume_skb');
  if (args !== undefined && args >= 3) return undefined;
  return { kind: 'absent', reason: 'the tracepoint skb:consume_skb of this kernel does not say who frees the packet' };
}
