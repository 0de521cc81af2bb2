// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts whose rings are full, which few samples would tell wrongly and the scheduler's own counts tell right.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { QueuePlan, TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Owner } from '../snapshot/owner.ts';

/** CPU time and reads of a thread, a second. */
interface ThreadPlan {
  readonly ran?: number;
  readonly waited?: number;
  readonly reads?: number;
  readonly isBound?: boolean;
}

/** A VPN with these threads; none of them was seen reading by the kernel's own lists. */
function vpn(plan: QueuePlan, ...threads: readonly ThreadPlan[]): readonly TapPlan[] {
  const owner = (second: number): Owner => ({
    ...{ pid: 2211, comm: 'openvpn', startedAt: undefined, identity: undefined },
    uses: {
      readAt: 1_795_000_000 + second,
      threads: threads.map(({ ran = 0, waited = 0, reads = 0, isBound = false }, i) => ({
        ...{ tid: 2211 + i, isBound, reads: reads * second },
        ...{ ranSeconds: ran * second, waitedSeconds: waited * second },
      })),
    },
  });
  const times: QueuePlan['more'] = (second) => ({
    owner: owner(second),
    reader: {
      thread: undefined,
      fullSeconds: Object.entries(plan.full ?? {}).map(([state, rate]) => ({ state, seconds: Number(rate) * second })),
    },
  });
  return [{ queues: [{ ...plan, more: times }] }];
}

const bursts: QueuePlan = {
  delivered: 500,
  lost: 500,
  capacity: 500,
  episodes: 2,
  needed: 1500,
  full: { running: 0.01 },
};

testHosts([
  {
    host: 'has bursts to a reader that sleeps for most of the time',
    taps: vpn(bursts, { ran: 0.05, waited: 0.05, reads: 500 }),
    finds: ['ring-full-burst critical'],
    says: /in bursts that its ring of 500 could not hold\.$/,
    types: 'ip link set dev tap0 txqueuelen 2000',
  },
  {
    host: 'has a starved reader whose full ring hardly any sample met',
    taps: vpn({ ...bursts, delivered: 23_000, lost: 42_000 }, { ran: 0.37, waited: 0.63, reads: 23_000 }),
    finds: ['reader-starved critical'],
    says: /its reader, openvpn \(pid 2211\), could run and got no CPU for 63 % of the time\.$/,
    types: 'renice -n -10 -p 2211',
  },
  {
    host: 'has a starved reader that is bound to a CPU',
    taps: vpn(bursts, { ran: 0.1, waited: 0.9, reads: 500, isBound: true }),
    finds: ['reader-starved critical'],
    types: 'taskset -pc 0-$(($(nproc --all) - 1)) 2211',
  },
  {
    host: 'has a slow reader whose full ring hardly any sample met',
    taps: vpn(bursts, { ran: 0.97, waited: 0.03, reads: 500 }),
    finds: ['reader-cpu-bound critical'],
    says: /ran for 97 % of the time and could not keep up\.$/,
  },
  {
    host: 'has a ring of 2, and a reader that waits its turn at each burst',
    taps: vpn({ ...bursts, capacity: 2, needed: 20, full: { waiting: 0.5 } }, { waited: 0.9, reads: 500 }),
    finds: ['ring-full-burst critical'],
    says: /in bursts that its ring of 2 could not hold: the default is 1000\.$/,
    types: 'ip link set dev tap0 txqueuelen 1000',
  },
  {
    host: 'has a reader that polls, one thread of three',
    taps: vpn({ ...bursts, full: { sleeping: 0.4 } }, {}, { ran: 0.02, reads: 500 }, { ran: 0.9, reads: 20 }),
    finds: ['reader-blocked critical'],
    says: /its reader, openvpn \(pid 2211, thread 2212\), slept for 100 % of the time the ring was full/,
  },
  {
    host: 'has two threads that take turns',
    taps: vpn(bursts, {}, { ran: 0.5, reads: 250 }, { ran: 0.45, waited: 0.05, reads: 250 }),
    finds: ['reader-cpu-bound critical'],
    says: /its reader, openvpn \(pid 2211, threads 2212 and 2213\), ran for 95 % of the time/,
  },
  {
    host: 'has several threads that read by other means than read()',
    taps: vpn(bursts, { ran: 0.9 }, { waited: 0.9 }),
    finds: ['ring-full-burst critical'],
    says: /in bursts that its ring of 500 could not hold\.$/,
  },
]);
