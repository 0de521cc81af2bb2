// SPDX-License-Identifier: Apache-2.0
// What XDP redirects into the rings.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable } from '../../engine/unavailable.ts';

export const REDIRECT_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'redirected',
    measures: 'frames that XDP redirects into the rings, past the transmit function',
    mechanisms: [
      {
        name: 'fexit',
        programs: ['redirected_fexit', 'purged_frames_fentry', 'resized_frames_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) =>
          untraceable(host, 'tun_xdp_xmit', 4) ??
          untraceable(host, 'tun_queue_purge', 1) ??
          untraceable(host, 'tun_device_event', 3),
      },
      {
        name: 'raw-tracepoint',
        programs: ['redirected_raw'],
        needs: WALK,
        tradeoff: 'frames thrown out of a ring are not seen; every bulk that XDP redirects on the host pays for it',
        unavailable: always,
      },
    ],
  },
];
