// SPDX-License-Identifier: Apache-2.0
// The devices and queues there are, and those that ended.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable, withoutOffsets } from '../../engine/unavailable.ts';

export const DEVICE_EVENTS: readonly ProbeEvent[] = [
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
