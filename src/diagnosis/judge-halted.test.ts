// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A reader that does not run: who keeps it from that is named where the kernel tells, with how to ask and what ends it.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Halt, Identity } from '../snapshot/owner.ts';

const NOBODY: Identity = {
  ...{ program: '', vm: '', uuid: '', pod: '', podName: '', tenant: '', container: '', runtime: '', unit: '' },
};

function halted(halt: Halt | undefined, identity: Partial<Identity> = {}): readonly TapPlan[] {
  const uses = { threads: [], parent: 1, readAt: 1, ...(halt && { halt }) };
  const owner = { pid: 77, comm: 'openvpn', startedAt: 1, identity: { ...NOBODY, ...identity }, uses };
  return [{ queues: [{ delivered: 0, lost: 400, occupancy: 1000, full: { stopped: 1 }, more: () => ({ owner }) }] }];
}

testHosts([
  {
    host: 'has a reader that was stopped, and no more is known',
    taps: halted(undefined),
    finds: ['reader-stalled critical'],
    says: /openvpn \(pid 77, thread 2219\), is stopped by a signal, a debugger or the freezer, for 10 s\.$/,
    types: 'kill -CONT 77',
  },
  {
    host: 'has a reader that a signal stopped',
    taps: halted({ by: 'signal' }),
    finds: ['reader-stalled critical'],
    says: /openvpn \(pid 77, thread 2219\), is stopped by a signal, for 10 s\.$/,
    types: 'kill -CONT 77',
  },
  {
    host: 'has a reader that a debugger holds',
    taps: halted({ by: 'tracer', tracer: { pid: 99, comm: 'gdb' } }),
    finds: ['reader-stalled critical'],
    says: /openvpn \(pid 77, thread 2219\), is stopped by a debugger, gdb \(pid 99\), for 10 s\.$/,
    types: 'ps -o pid,ppid,user,tty,lstart,cmd -p 99',
  },
  {
    host: 'has a reader that is frozen, in a cgroup of no unit',
    taps: halted({ by: 'freezer' }),
    finds: ['reader-stalled critical'],
    says: /openvpn \(pid 77, thread 2219\), is frozen with its cgroup, for 10 s\.$/,
    types: `echo 0 | dd conv=nocreat status=none of="/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/77/cgroup)/cgroup.freeze"`,
  },
  {
    host: 'has a service that is frozen',
    taps: halted({ by: 'freezer' }, { unit: 'openvpn@far.service' }),
    finds: ['reader-stalled critical'],
    types: 'systemctl thaw openvpn@far.service',
  },
  {
    host: 'has a container that is paused',
    taps: halted({ by: 'freezer' }, { container: 'vpn1', runtime: 'docker', unit: 'docker-1.scope' }),
    finds: ['reader-stalled critical'],
    types: 'docker unpause vpn1',
  },
]);
