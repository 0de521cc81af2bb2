// SPDX-License-Identifier: Apache-2.0
// For tests: a tap that lived for half a second.
import type { Ended } from '../../src/snapshot/deleted-devices.ts';

const briefCounts = {
  offered: 12,
  delivered: 7,
  received: 4,
  dropped: [{ reason: 'FULL_RING', packets: 3 }],
  droppedBefore: [{ reason: 'QDISC_DROP', location: '__dev_queue_xmit', packets: 2 }],
  uncounted: [{ cause: 'purged', packets: 2 }],
  receiveDropped: [{ reason: 'DEV_READY', location: 'tun_get_user', packets: 1 }],
  refused: [{ errno: 'EIO', writes: 1 }],
  unaccounted: 0,
};

export const goldenEnded: Ended = {
  seen: 0,
  unseen: 1,
  inexact: 0,
  counts: briefCounts,
  latest: [
    {
      netns: 4026532285,
      name: 'brief\\x1b0',
      kind: 'tap',
      id: '77',
      owner: { pid: 4720, comm: 'probe', startedAt: 1_794_999_990, identity: undefined },
      endedAt: 1_794_999_995.5,
      livedAtMost: 0.5,
      seenFor: undefined,
      counts: briefCounts,
      degraded: [],
    },
  ],
};
