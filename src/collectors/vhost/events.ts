// SPDX-License-Identifier: Apache-2.0
// The events of vhost-net's side of a queue, and their mechanisms; all of it is absent while vhost-net is not loaded.

import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, type Unavailable, untraceable } from '../../engine/unavailable.ts';
import type { Host } from '../../kernel/host.ts';

export const VHOST_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'returned',
    measures: 'packets that vhost-net took and gives back to the ring, which would count as consumed twice',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['returned'],
        programs: ['unproduced_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'vhost_net_buf_unproduce', 1),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'right while vhost-net is not loaded, and where consumed packets are derived',
        unavailable: always,
      },
    ],
  },
  {
    name: 'vhost',
    measures: 'packets that vhost-net holds of each queue, and its worker',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['guests-at-once', 'guests'],
        programs: ['connected_fentry', 'vhost_queues'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'vhost_net_buf_unproduce', 1) ?? notLoaded(host),
      },
      {
        name: 'iterator',
        provides: ['guests'],
        programs: ['vhost_queues'],
        needs: WALK,
        tradeoff: 'a guest is known some seconds after it was connected',
        unavailable: notLoaded,
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'up to 64 packets of a queue count as delivered before they are',
        effect: 'inexact',
        unavailable: always,
      },
    ],
  },
  {
    name: 'batches',
    measures: 'how many packets vhost-net takes at once',
    mechanisms: [
      // consumed_vhost_fentry runs once for each batch.
      {
        name: 'consumed',
        provides: ['batches'],
        programs: [],
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: undefined,
        unavailable: batchesOnly,
      },
      {
        name: 'fentry',
        provides: ['batches'],
        programs: ['batch_fentry'],
        pins: true,
        onDemand: true,
        needs: WALK,
        tradeoff: 'a probe for each packet; with several queues on Linux 7.x it misses some batches',
        effect: 'inexact',
        unavailable: (host) => untraceable(host, 'vhost_net_buf_peek', 1),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'sizes of batches are not shown', unavailable: always },
    ],
  },
  {
    name: 'buffers',
    measures: 'packets for which the guest had no buffer, and buffers that vhost-net gave back unused',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['buffers'],
        programs: ['discarded_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'vhost_discard_vq_desc', 2, 3),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'neither is shown', unavailable: always },
    ],
  },
  {
    name: 'zerocopy',
    measures: 'packets that vhost-net sends for guests without copying them',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['zerocopy'],
        programs: ['zerocopy_done_fentry', 'zerocopy_tried_fentry'],
        pins: true,
        needs: ['vhost=fentry|iterator'],
        tradeoff: undefined,
        unavailable: (host) => copiesAll(host) ?? untraceable(host, 'vhost_zerocopy_complete', 3),
      },
      {
        name: 'fentry-callback',
        provides: ['zerocopy'],
        programs: ['zerocopy_called_fentry', 'zerocopy_tried_fentry'],
        pins: true,
        needs: ['vhost=fentry|iterator'],
        tradeoff: 'none: the function had this name before Linux 6.10',
        effect: 'none',
        unavailable: (host) => copiesAll(host) ?? untraceable(host, 'vhost_zerocopy_callback', 3),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'it is not shown', unavailable: always },
    ],
  },
];

/** Most hosts: a probe on tun_get_user would cost each packet, and see nothing. */
function copiesAll({ zeroCopy }: Host): Unavailable | undefined {
  if (zeroCopy) return undefined;
  return { kind: 'absent', reason: 'vhost-net copies all that guests send (its parameter experimental_zcopytx is 0)' };
}

function notLoaded(host: Host): Unavailable | undefined {
  const found = host.symbols?.address('vhost_net_release');
  return found === undefined ? { kind: 'absent', reason: 'vhost-net is not loaded' } : undefined;
}

function batchesOnly(host: Host): Unavailable | undefined {
  return untraceable(host, 'tun_wake_queue', 2);
}
