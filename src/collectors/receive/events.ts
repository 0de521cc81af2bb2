// SPDX-License-Identifier: Apache-2.0
// The events beside the transmit function: what XDP redirects into the rings, and the way from the guest to the host.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, missing, untraceable } from '../../engine/obstacles.ts';

function walkOf(kind: 'macvtap' | 'ipvtap'): ProbeEvent {
  return {
    name: `${kind}s`,
    measures: `${kind} devices, their rings and drops`,
    mechanisms: [
      {
        name: 'walk',
        programs: [`walk_${kind}s`],
        needs: [...WALK, 'freed='],
        price: undefined,
        obstacle: (host) => missing(host, `${kind}_newlink`),
      },
      { name: 'none', programs: [], needs: [], price: 'right while there are none', obstacle: always },
    ],
  };
}

export const RECEIVE_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'redirected',
    measures: 'frames that XDP redirects into the rings, past the transmit function',
    mechanisms: [
      {
        name: 'fexit',
        programs: ['redirected_fexit', 'purged_frames_fentry', 'resized_frames_fentry'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) =>
          untraceable(host, 'tun_xdp_xmit', 4) ??
          untraceable(host, 'tun_queue_purge', 1) ??
          untraceable(host, 'tun_device_event', 3),
      },
      {
        name: 'raw-tracepoint',
        programs: ['redirected_raw'],
        needs: WALK,
        price: 'frames thrown out of a ring are not seen; every bulk that XDP redirects on the host pays for it',
        obstacle: always,
      },
    ],
  },
  walkOf('macvtap'),
  walkOf('ipvtap'),
  {
    name: 'macvtap-reads',
    measures: 'packets that macvtap and ipvtap devices hand to their guests and readers',
    mechanisms: [
      {
        name: 'fexit',
        programs: ['macvtap_read_fexit'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) => untraceable(host, 'tap_do_read', 4),
      },
      { name: 'none', programs: [], needs: [], price: 'right while there are none', obstacle: always },
    ],
  },
  {
    name: 'refused',
    measures: 'writes from the guest or writer that tun refuses, and whose packet it was that tun freed',
    mechanisms: [
      {
        name: 'fexit',
        programs: ['written_fexit'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) => untraceable(host, 'tun_chr_write_iter', 2),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        price: 'only the writer knows what was refused; bad headers are told by device only',
        obstacle: always,
      },
    ],
  },
  {
    name: 'receive-batches',
    measures: 'packets that vhost-net hands over from the guest, by queue and batch, and those that tun refuses',
    mechanisms: [
      {
        name: 'fexit',
        programs: ['sent_by_vhost_fexit'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) => untraceable(host, 'tun_sendmsg', 3),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        price: 'packets from the guest per device only',
        obstacle: always,
      },
    ],
  },
];
