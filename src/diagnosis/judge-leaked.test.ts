// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Devices of which one queue is not read, by who holds it.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Owner } from '../snapshot/owner.ts';

const identity = { program: '', vm: '', uuid: '', runtime: '', container: '', pod: '', unit: '' };

function owner(pid: number, comm: string, parent?: number, program = ''): Owner {
  return {
    ...{ pid, comm, startedAt: undefined, identity: { ...identity, program } },
    ...(parent !== undefined && { uses: { threads: [], parent, readAt: 1 } }),
  };
}

/** The first queue flows, the second is full. */
const held = (reader: Owner, holder: Owner): readonly TapPlan[] => [
  {
    queues: [
      { delivered: 300, more: () => ({ owner: reader }) },
      { lost: 300, occupancy: 1000, full: { sleeping: 1 }, more: () => ({ owner: holder }) },
    ],
  },
];
const python = owner(16297, 'python3');
const finds = ['queue-dead critical'];

testHosts([
  {
    host: 'has a queue whose descriptor leaked into a child',
    taps: held(python, owner(16371, 'sleep', 16297)),
    finds,
    says: /^tap0 queue 1 lost 3 000 of 3 000 packets: sleep \(16371\), a child of python3 \(16297\), holds it and does not read it: a descriptor leaked at fork or exec\.$/,
    types: 'ls -l /proc/16371/fd',
  },
  {
    host: 'has a queue that a program holds whose parent is not known',
    taps: held(python, owner(16371, 'sleep')),
    finds,
    says: /: sleep \(16371\) holds it and does not read it: a descriptor leaked at fork or exec\.$/,
    types: 'ls -l /proc/16371/fd',
  },
  {
    host: 'has a queue that a child of the same name holds',
    taps: held(python, owner(16371, 'python3', 16297)),
    finds,
    says: /: python3 \(16371\), a child of python3 \(16297\), holds it .*, or a worker that hangs\.$/,
  },
  {
    host: 'has a queue that leaked out of a VM',
    taps: held(owner(7, 'qemu-system-x86', 1, 'qemu'), owner(8, 'sleep', 7)),
    finds,
    says: /: sleep \(8\), a child of qemu-system-x86 \(7\), holds it/,
  },
  {
    host: 'has a VM of two processes',
    taps: held(owner(7, 'qemu-system-x86', 1, 'qemu'), owner(8, 'qemu-system-x86', 1, 'qemu')),
    finds,
    says: /: it was not served for 10 s, while its other queue flows\.$/,
    types: 'ethtool -l eth0',
  },
  {
    host: 'has a VPN that does not read one of its queues',
    taps: held(owner(7, 'openvpn', 1, 'openvpn'), owner(7, 'openvpn', 1, 'openvpn')),
    finds,
    says: /: it was not served for 10 s, while its other queue flows\.$/,
    types: 'ps -L -o pid,tid,stat,etime,pcpu,wchan:24,comm -p 7',
  },
]);
