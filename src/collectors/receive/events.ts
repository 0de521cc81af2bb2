// SPDX-License-Identifier: Apache-2.0
// The way from the guest to the host.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable } from '../../engine/unavailable.ts';

export const RECEIVE_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'refused',
    measures: 'writes from the guest or writer that tun refuses, and whose packet it was that tun freed',
    mechanisms: [
      {
        name: 'fexit',
        provides: ['refusals'],
        programs: ['written_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_chr_write_iter', 2),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'only the writer knows what was refused; bad headers are told by device only',
        unavailable: always,
      },
    ],
  },
  {
    name: 'receive-batches',
    measures: 'packets that vhost-net hands over from the guest, by queue and batch, and those that tun refuses',
    mechanisms: [
      {
        name: 'fexit',
        provides: ['receive-batches'],
        programs: ['sent_by_vhost_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_sendmsg', 3),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'packets from the guest per device only',
        unavailable: always,
      },
    ],
  },
];
