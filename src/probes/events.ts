// SPDX-License-Identifier: Apache-2.0
// Each logical event and the mechanisms that can measure it, best first.
import { always, type ProbeEvent, untraceable, WALK, withoutSymbols } from './mechanism.ts';
import { RECEIVE_EVENTS } from './receive-events.ts';

export const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'devices',
    measures: 'devices, queues, rings and the kernel’s own counters in every network namespace',
    mechanisms: [
      {
        name: 'walk',
        programs: ['walk_queues', 'recycle', 'settle', 'calibrate'],
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
  {
    name: 'returned',
    measures: 'packets that vhost-net took and gives back to the ring, which would count as consumed twice',
    mechanisms: [
      {
        name: 'fentry',
        programs: ['unproduced_fentry'],
        pins: true,
        needs: ['consumed=fentry'],
        price: undefined,
        obstacle: (host) => untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'vhost_net_buf_unproduce', 1),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        price: 'right while vhost-net is not loaded, and where consumed packets are derived',
        obstacle: always,
      },
    ],
  },
  ...RECEIVE_EVENTS,
  {
    name: 'owners',
    measures: 'the process that holds each queue',
    mechanisms: [
      { name: 'iterator', programs: ['queue_owners'], needs: WALK, price: undefined, obstacle: withoutSymbols },
      {
        name: 'procfs',
        programs: [],
        needs: [],
        price: 'knows the device of a descriptor, not its queue: names nobody where several processes hold one device',
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
