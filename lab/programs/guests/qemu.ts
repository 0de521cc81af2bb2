// SPDX-License-Identifier: Apache-2.0
// QEMU with a Linux guest under software emulation: virtio-net over a tap of one or several queues, which QEMU itself reads.
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { run } from '../../../test/host/run.ts';
import { succeeds, until } from '../../../test/host/until.ts';
import { noVm } from '../../vm/boot.ts';
import { vmlinuxOf } from '../../vm/images.ts';
import { kernelOrWhy } from '../../vm/kernels.ts';
import { answers } from '../counted-traffic.ts';
import { FAR_INNER, NEAR_INNER, type Stage } from '../places.ts';
import type { OwnCounts, Program, Running } from '../program.ts';
import { GuestShell, guestInitrd } from './qemu-guest.ts';

/** The oldest of the lab: it boots fastest under emulation. */
const GUEST_KERNEL = '6.1';

/** A guest, and how to speak to its QEMU. */
export interface RunningGuest extends Running {
  /** A line for its human monitor, as in `stop` and `cont`. */
  monitor(line: string): Promise<void>;
}

export function qemuOf(
  queues: number,
  vhost: 'on' | 'off' = 'off',
): Omit<Program, 'start'> & { readonly start: (stage: Stage) => Promise<RunningGuest> } {
  return {
    name: queues === 1 ? 'qemu' : `qemu, ${queues} queues`,
    from: 'Debian qemu-system-x86, guest of Debian’s kernel',
    needs: [{ debian: 'qemu-system-x86', file: 'qemu-system-x86_64' }, IPERF, SOCAT],
    // An emulated guest takes a thousand packets a second beside other tests.
    load: { datagrams: 2000, perSecond: 400, seconds: 3, calmBits: 2_000_000 },
    unavailable: () => noVm || undefined,
    start: (stage) => startGuest(stage, queues, vhost),
  };
}

async function startGuest(stage: Stage, queues: number, vhost: 'on' | 'off'): Promise<RunningGuest> {
  const kernel = await kernelOrWhy(GUEST_KERNEL, () => {});
  if (typeof kernel === 'string') throw new Error(kernel);
  const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
  const vm = `lab-vm${queues}`;
  const program = stage.start(
    stage.near,
    ...['qemu-system-x86_64', '-name', `guest=${vm}`, '-machine', 'q35,accel=tcg,smm=off', '-cpu', 'max,-erms'],
    ...['-smp', String(queues), '-m', '192', '-display', 'none', '-vga', 'none', '-no-reboot'],
    ...['-serial', `file:${join(folder, 'console')}`],
    ...['-serial', `unix:${join(folder, 'shell')},server=on,wait=off`],
    ...['-monitor', `unix:${join(folder, 'monitor')},server=on,wait=off`],
    ...['-kernel', await vmlinuxOf(kernel), '-initrd', await guestInitrd(kernel)],
    ...['-append', 'console=ttyS0 rdinit=/init quiet panic=-1 mitigations=off tsc=reliable no_timer_check'],
    ...['-netdev', `tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=${vhost},queues=${queues}`],
    ...['-device', `virtio-net-pci,netdev=n0${queues > 1 ? `,mq=on,vectors=${2 * queues + 2}` : ''}`],
  );
  const guest = await guestAt(stage, folder, program.output);
  // The guest answers pings before its shell listens.
  await until(() => succeeds(guest.remote('true')));
  return { ...guest, queues, pid: program.pid, vm, monitor: (line) => say(join(folder, 'monitor'), line) };
}

/** What is the same of each guest of QEMU that takes part by tap0, whose shell listens in the folder. */
export async function guestAt(stage: Stage, folder: string, said: () => string) {
  await plug(stage);
  await answers(stage.near, FAR_INNER, said);
  const shell = new GuestShell(join(folder, 'shell'));
  stage.after(async () => shell.close());
  const remote = (command: string): Promise<string> => shell.run(command);
  return {
    device: 'tap0',
    // The kernel keeps 15 characters of a name.
    comm: 'qemu-system-x86',
    program: 'qemu',
    beyond: FAR_INNER,
    here: NEAR_INNER,
    remote,
    arrived: () => guestDatagrams(remote),
    own: () => guestCounts(remote),
  };
}

/** The monitor takes one client at a time: who pastes a remedy is the next. */
async function say(monitor: string, line: string): Promise<void> {
  await run('sh', ['-c', 'echo "$1" | socat -t1 - "UNIX-CONNECT:$2"', 'sh', line, monitor]);
}

/** QEMU makes the tap; what a script of the host does with it is done here. */
async function plug({ near }: Stage): Promise<void> {
  await until(() => succeeds(near.ip('link set tap0 up')));
  await near.ip(`addr add ${NEAR_INNER}/24 dev tap0`);
}

async function guestDatagrams(remote: (command: string) => Promise<string>): Promise<number> {
  const lines = (await remote('grep ^Udp: /proc/net/snmp')).trim().split('\n');
  const [names = [], values = []] = lines.map((line) => line.trim().split(/\s+/));
  return ['InDatagrams', 'NoPorts', 'InErrors'].reduce((sum, name) => sum + Number(values[names.indexOf(name)]), 0);
}

/** The guest's `ip -s link`, which counts from its own side: what it received was taken from the device. */
async function guestCounts(remote: (command: string) => Promise<string>): Promise<OwnCounts> {
  const text = await remote('cat /sys/class/net/eth0/statistics/rx_packets /sys/class/net/eth0/statistics/tx_packets');
  const [taken = Number.NaN, given = Number.NaN] = text.trim().split('\n').map(Number);
  return { of: 'the guest’s eth0', unit: 'packets', taken, given };
}
