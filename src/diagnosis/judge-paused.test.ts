// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// VMs that take nothing: those that are paused, and those that run.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Identity, Monitor } from '../snapshot/owner.ts';

interface Guest {
  /** CPU time that its CPUs get in this second, in seconds. */
  readonly runs: (second: number) => number;
  readonly monitor?: Monitor;
  readonly identity?: Partial<Identity>;
  /** Packets come so slowly that none is lost yet. */
  readonly hasRoom?: true;
  /** The number of its CPUs that run or wait for a CPU. */
  readonly runnable?: number;
  /** Seconds of the snapshots before which its threads were not looked at again. */
  readonly sampledUntil?: number;
}

/** The guest's ring is full, and the guest sleeps. */
function guest({ runs, monitor, identity, hasRoom, runnable = 0, sampledUntil = 99 }: Guest): readonly TapPlan[] {
  const ran = (second: number): number =>
    Array.from({ length: second }, (_, i) => runs(i + 1)).reduce((sum, one) => sum + one, 0);
  const owner = (second: number) => ({
    ...{ pid: 2211, comm: 'qemu-system-x86', startedAt: undefined },
    identity: { program: 'qemu', vm: 'web1', uuid: '', runtime: '', container: '', pod: '', unit: '', ...identity },
    ...(monitor && { monitor }),
    vcpus: {
      ...{ threads: 4, areNamed: true, runnable },
      ...{ ranSeconds: ran(Math.min(second, sampledUntil)), readAt: 1_795_000_000 + Math.min(second, sampledUntil) },
    },
  });
  const queue = {
    ...(hasRoom
      ? { delivered: 0, occupancy: (second: number) => 20 + 20 * second }
      : { delivered: 0, lost: 500, occupancy: 1000, full: { sleeping: 1 } }),
    more: (second: number) => ({ owner: owner(second) }),
  };
  return [{ program: 'qemu', vm: 'web1', history: 1000, queues: [queue] }];
}

const never = (): number => 0;
const HMP: Monitor = { protocol: 'hmp', path: '/run/web1.mon' };
const QMP: Monitor = { protocol: 'qmp', path: '/run/web 1.qmp' };

testHosts([
  {
    host: 'has a VM that is paused, and a human monitor',
    taps: guest({ runs: never, monitor: HMP }),
    finds: ['reader-stalled critical'],
    says: /takes nothing because the VM is paused: none of its 4 vCPU threads ran for 10 s\.$/,
    types: 'echo cont | timeout 10 socat -t2 - UNIX-CONNECT:/run/web1.mon',
  },
  {
    host: 'has a VM that is paused, and a QMP socket',
    taps: guest({ runs: never, monitor: QMP }),
    finds: ['reader-stalled critical'],
    types: `printf '{"execute":"qmp_capabilities"}\\n{"execute":"cont"}\\n' | timeout 10 socat -t2 - 'UNIX-CONNECT:/run/web 1.qmp'`,
  },
  {
    host: 'has a VM that is paused, in a container',
    taps: guest({ runs: never, monitor: HMP, identity: { container: 'c1' } }),
    finds: ['reader-stalled critical'],
    types: 'echo cont | timeout 10 socat -t2 - UNIX-CONNECT:/proc/2211/root/run/web1.mon',
  },
  {
    host: 'has a VM of libvirt that is paused',
    taps: guest({ runs: never, identity: { runtime: 'libvirt' } }),
    finds: ['reader-stalled critical'],
    types: 'virsh resume web1',
  },
  {
    host: 'has a VM whose CPUs want to run, and get none',
    taps: guest({ runs: never, monitor: HMP, runnable: 1 }),
    finds: ['reader-starved critical'],
    says: /, slept for 100\s?% of the time the ring was full: 4 vCPU threads could run and got 0 ms of CPU in 10 s\.$/,
  },
  {
    host: 'is busy, and has an idle VM whose CPUs wait their turn',
    taps: guest({ runs: () => 0.08, monitor: HMP, runnable: 1 }),
    finds: ['reader-stalled critical'],
    says: /takes nothing, for 10 s\.$/,
  },
  {
    host: 'has a VM that was paused six seconds ago',
    taps: guest({ runs: (second) => (second > 4 ? 0 : 0.5), monitor: HMP }),
    finds: ['reader-stalled critical'],
    says: /none of its 4 vCPU threads ran for 6\.0 s\.$/,
  },
  {
    host: 'has a VM that is paused, in whose ring there is room yet',
    taps: guest({ runs: never, monitor: HMP, hasRoom: true }),
    finds: ['reader-stalled warning'],
    says: /takes nothing, because the VM is paused: none of its 4 vCPU threads ran for 10 s\.$/,
  },
  {
    host: 'has a VM that runs and takes nothing',
    taps: guest({ runs: () => 0.002, monitor: HMP }),
    finds: ['reader-stalled critical'],
    says: /takes nothing, for 10 s\.$/,
    types: 'ip -br link; ip link set eth0 up',
  },
  {
    host: 'has a VM whose threads were looked at once only',
    taps: guest({ runs: never, monitor: HMP, sampledUntil: 0 }),
    finds: ['reader-stalled critical'],
    says: /takes nothing, for 10 s\.$/,
  },
]);
