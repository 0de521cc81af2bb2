// SPDX-License-Identifier: Apache-2.0
// Packets into the ring and out of it.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, preemptible, type Unavailable, unlessPreemptible, untraceable } from '../../engine/unavailable.ts';
import type { Host } from '../../kernel/host.ts';

const underLock = (host: Host): Unavailable | undefined =>
  untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'tun_wake_queue', 2);

export const TRANSMIT_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'transmit',
    shed: ['fentry', 'raw-tracepoint'],
    measures: 'packets and bytes offered to each queue, enqueued and dropped',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['offers', 'entries'],
        programs: ['offered_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry'],
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'raw-tracepoint',
        provides: ['offers'],
        programs: ['offered_raw', 'sent_raw'],
        needs: WALK,
        tradeoff:
          'as exact, but blind to packets that bypass dev_hard_start_xmit, and every packet of the host pays for it',
        unavailable: always,
      },
      {
        name: 'arithmetic',
        provides: ['offers-derived'],
        programs: [],
        needs: [...WALK, 'freed='],
        tradeoff:
          'no bytes; drops of shared packets per device only; before Linux 7.3 nothing per queue where there are several',
        unavailable: always,
      },
    ],
  },
  {
    name: 'transmit-exit',
    measures: 'drops that fire no tracepoint, by queue, and when a packet stops its queue',
    shed: ['fexit'],
    demanded: { by: 'exits', mechanisms: ['fexit'] },
    alike: true,
    mechanisms: [
      {
        name: 'fexit',
        provides: ['exits'],
        programs: ['sent_fexit'],
        pins: true,
        needs: ['transmit=fentry'],
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'waiting',
        programs: [],
        needs: ['transmit=fentry'],
        tradeoff:
          'attached once packets come that others hold too (pktgen sends such), or a device has IFF_BACKPRESSURE, because each packet pays for it',
        unavailable: (host) => untraceable(host, 'tun_net_xmit', 2),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'raw tracepoints see the exit of each packet, and arithmetic needs none',
        effect: 'none',
        unavailable: always,
      },
    ],
  },
  {
    name: 'consumed',
    measures: 'packets taken out of each ring',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['takes'],
        programs: ['consumed_fentry', 'consumed_vhost_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry'],
        tradeoff: undefined,
        unavailable: (host) => preemptible() ?? underLock(host),
      },
      {
        name: 'fentry-preempted',
        provides: ['takes-derived'],
        programs: ['consumed_fentry', 'consumed_vhost_fentry'],
        pins: true,
        needs: [...WALK, 'ended=fentry', 'freed=', 'transmit=fentry|raw-tracepoint'],
        tradeoff:
          'a reader may be preempted in the program, which the kernel skips meanwhile: what was taken is what entered less what waits, and times in the ring lack packets',
        unavailable: (host) => unlessPreemptible() ?? underLock(host),
      },
      {
        name: 'arithmetic',
        provides: ['takes-derived'],
        programs: [],
        needs: [...WALK, 'freed=', 'transmit=fentry|raw-tracepoint'],
        tradeoff: 'exact at rest; under load what was certainly delivered',
        unavailable: always,
      },
      {
        name: 'device-counter',
        programs: [],
        needs: WALK,
        tradeoff: 'the kernel’s tx_packets: per queue only where a device has one',
        unavailable: always,
      },
    ],
  },
];
