// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The commands to type, by the host and by the owner of the queue.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { type QueuePlan, quietHost, type TapPlan } from '../../../test/snapshots/quiet-host.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';
import { visible } from '../../snapshot/visible.ts';
import type { Finding } from '../finding.ts';
import { judge } from '../judge.ts';
import { quoted } from './command.ts';

function findingsOf(tap: TapPlan, agent: Partial<AgentState> = {}): readonly Finding[] {
  return judge(quietHost([tap], agent)).findings;
}

function commandsOf(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ remedies }) => remedies.flatMap(({ command }) => command ?? []));
}

test('bursts on several queues: one txqueuelen for all of them', () => {
  const bursts = (needed: number): QueuePlan => ({
    delivered: 5000,
    lost: 100,
    full: { running: 0.02 },
    episodes: 2,
    needed,
  });
  const sizes = (...queues: readonly QueuePlan[]): readonly string[] => commandsOf(findingsOf({ queues }));
  const grown = (size: number): string => `ip link set dev tap0 txqueuelen ${size}`;
  assert.deepEqual(sizes(bursts(9000), bursts(1500)), [grown(16_000), grown(16_000)]);
  assert.deepEqual(sizes(bursts(1500), { delivered: 5000 }), [grown(2000)], 'a queue without bursts needs nothing');
  assert.deepEqual(
    sizes(bursts(60_000), bursts(1500)).filter((command) => command.includes('txqueuelen')),
    [grown(2000)],
    'no size holds those of the first',
  );
});

const POD = '5a7ed1d2-0e5f-4f3b-9ad1-6c7f1a0b2c3d';
const libvirt: TapPlan = { program: 'qemu', vm: 'web1', identity: { runtime: 'libvirt' } };
const proxmox: TapPlan = { program: 'qemu', vm: 'web1', identity: { unit: '100.scope' } };
const kubevirt: TapPlan = { program: 'qemu', vm: 'default_web1', identity: { runtime: 'containerd', pod: POD } };
const kata: TapPlan = { program: 'qemu', vm: 'sandbox-1', identity: { runtime: 'kata', pod: POD } };

/** Commands and what is to be set, of the first finding of a VM whose ring is full and whose worker does so. */
function toldOf(vm: TapPlan, state: string): string {
  const queue = { vhost: true, delivered: 5000, lost: 1000, occupancy: 1000, episodes: 0, full: { [state]: 0.9 } };
  const [finding] = findingsOf({ ...vm, queues: [queue] });
  return (finding?.remedies ?? []).map(({ command, effect }) => `${command ?? ''} ${effect}`).join('\n');
}

test('virsh is for libvirt on the host', () => {
  assert.match(toldOf(libvirt, 'throttled'), /^virsh schedinfo web1 --live/);
  assert.match(toldOf(proxmox, 'throttled'), /^echo max \| dd conv=nocreat .*\/cpu\.max" /);
  assert.match(toldOf(kubevirt, 'throttled'), /^ Raise limits\.cpu of pod 5a7ed1d2/);
  assert.match(toldOf(kata, 'throttled'), /^ Raise limits\.cpu of pod 5a7ed1d2/);
  const podman = { identity: { runtime: 'podman', container: 'c1', pod: 'p1' } };
  assert.match(toldOf(podman, 'throttled'), /^podman update --cpu-quota -1 c1 /);
  for (const vm of [proxmox, kubevirt, kata]) assert.doesNotMatch(toldOf(vm, 'stopped'), /virsh/);
});

test('a worker that waits for a CPU, or whose guest does: the harmless first, then who it is', () => {
  const commands = (vm: TapPlan): readonly string[] =>
    toldOf(vm, 'waiting').match(/^(ps|virsh|taskset|renice)(?= )/gm) ?? [];
  assert.deepEqual(commands(libvirt), ['virsh', 'ps', 'virsh', 'renice'], 'its cgroup has CPUs of its own');
  assert.match(toldOf(libvirt, 'waiting'), /^virsh emulatorpin web1 \$\(seq .* grep -vx 1 .*\) --live /);
  assert.match(toldOf(libvirt, 'waiting'), /\nvirsh vcpupin web1 Lists/);
  assert.deepEqual(commands(proxmox), ['taskset', 'ps', 'renice']);
  assert.deepEqual(commands({ program: 'firecracker' }), ['taskset', 'ps', 'renice']);
  const queue: QueuePlan = { delivered: 5000, lost: 1000, occupancy: 1000, episodes: 0, full: { waiting: 0.9 } };
  const rejected = (vhost: boolean): readonly string[] =>
    findingsOf({ queues: [{ ...queue, vhost }] })[0]?.rejected.map(({ rule }) => rule) ?? [];
  assert.deepEqual(rejected(true), ['reader-cpu-bound', 'ring-full-burst'], 'a sleeping worker is among those seen');
  assert.deepEqual(rejected(false), ['reader-cpu-bound', 'guest-not-refilling', 'ring-full-burst']);
});

test('frames that XDP redirects are lost: why is said, and a longer ring advised, only where readers are looked at', () => {
  const told = (full: QueuePlan['full'], occupancy = 0): readonly string[] => {
    const redirected = (second: number) => ({ redirected: { enqueued: 100 * second, lost: 300 * second } });
    const [finding] = findingsOf({ queues: [{ occupancy, full, more: redirected }] });
    return [finding?.cause.replace(/^.* was full/, '') ?? '', ...commandsOf(finding ? [finding] : [])];
  };
  assert.deepEqual(told(undefined), ['.']);
  assert.deepEqual(told({ running: 0.9 }), [', because openvpn (pid 2211, thread 2219) takes them too slowly.']);
  assert.deepEqual(told({ running: 0.02 }), [', because they come in bursts.', 'ip link set dev tap0 txqueuelen 4000']);
  assert.deepEqual(told({ running: 0.02 }, 1000), ['.'], 'the first that is seen of a reader that is too slow');
});

test('more queues and buffers are set where the VM is started', () => {
  for (const [vm, queues, buffers] of [
    [libvirt, /^ <driver name='vhost' queues='2'\/> in the domain of web1.*\nethtool -L/, /rx_queue_size='1024'/],
    [proxmox, /^ Start QEMU with -netdev tap,…,vhost=on,queues=2 .*mq=on.*\nethtool -L/, /^ .*,rx_queue_size=1024:/],
    [kubevirt, /^ In KubeVirt networkInterfaceMultiqueue: true/, /^mpstat/],
    [kata, /^ Linux 7\.3/, /^mpstat/],
    [{ program: 'cloud-hypervisor' }, /^ Start the VM with --net …,num_queues=4:.*\nethtool -L/, /queue_size=1024/],
    [{ program: 'firecracker', vm: 'fc1' }, /^ Its network devices have one queue each/, /256 buffers/],
    [{ program: 'crosvm' }, /^ Linux 7\.3/, /^mpstat/],
  ] as const) {
    assert.match(toldOf(vm, 'running'), queues);
    assert.equal(toldOf(vm, 'running').includes('ethtool -L'), String(queues).includes('ethtool -L'));
    assert.match(toldOf(vm, 'sleeping'), buffers);
  }
});

test('commands enter the namespace of the device by the way that leads there, and quote what others have named', () => {
  const noRing: TapPlan = { queues: [{ capacity: 0, lost: 200 }] };
  const typed = (path: string | undefined, tap = noRing): string | undefined => {
    const namespacePaths = new Map(path === undefined ? [] : [[1, path]]);
    const namespaceNames = new Map([[1, 'blue']]); // of a mount of the same name elsewhere
    return commandsOf(findingsOf(tap, { netns: 7, namespaceNames, namespacePaths }))[0];
  };
  const grow = 'ip link set dev tap0 txqueuelen 1000';
  assert.equal(typed('/run/netns/blue'), `ip netns exec blue ${grow}`);
  assert.equal(typed('/run/docker/netns/1a2b3c4d5e6f'), `nsenter --net=/run/docker/netns/1a2b3c4d5e6f ${grow}`);
  assert.equal(typed('/run/user/1000/netns/a b'), `nsenter --net='/run/user/1000/netns/a b' ${grow}`);
  const entered = 'nsenter -t "$(lsns -no PID 1 | head -n1)" -n';
  const named = { ...noRing, more: () => ({ name: "a'$(b)" }) };
  assert.equal(typed(undefined, named), `${entered} ip link set dev 'a'\\''$(b)' txqueuelen 1000`);

  const bypassed: TapPlan = { more: (s) => ({ uncounted: [{ cause: 'stopped_queue', packets: 20 * s }] }) };
  assert.equal(typed('/run/netns/blue', bypassed), 'ip netns exec blue ss --packet --processes --numeric');
  const refused = (second: number) => [{ errno: 'EAGAIN', writes: 2000 * second }];
  const waiting: TapPlan = { more: (s) => ({ receive: { dropped: [], refused: refused(s), frameErrors: 0 } }) };
  assert.equal(typed('/run/netns/blue', waiting), 'ip netns exec blue tc -s qdisc show');
});

test('a word of others comes out of a shell as it went in, without a character that a terminal would hide', () => {
  for (const word of [
    'a b',
    "a'b",
    'a"b',
    'a;b',
    '$(b)',
    '`b`',
    'a\\b',
    '*',
    '-n',
    'ü',
    'a\u{1b}[2Jb',
    'a\u{202e}b',
    'a\nb',
  ]) {
    const typed = quoted(word);
    assert.equal(visible(typed), typed);
    assert.equal(execFileSync('sh', ['-c', `printf '%s' ${typed}`], { encoding: 'utf8' }), word);
  }
});

test('what a VPN’s socket lost is asked for where the VPN is, and not where its device is', () => {
  const sleeps: TapPlan = { queues: [{ delivered: 5000, lost: 1000, occupancy: 1000, full: { sleeping: 0.9 } }] };
  const commands = commandsOf(findingsOf(sleeps, { netns: 7 }));
  assert.ok(
    commands.some((command) => /^nsenter -t 2211 -n nstat /.test(command)),
    commands.join('\n'),
  );
});

test('a device whose name is a command is asked about, and not run', () => {
  const various = { delivered: 5000, lost: 1000, full: { running: 0.3, waiting: 0.3, sleeping: 0.3 } };
  const [command] = commandsOf(findingsOf({ queues: [various], more: () => ({ name: 'a;reboot' }) }));
  assert.equal(command, "tapscope diagnose --for 60s 'a;reboot'");
  const dashed = { queues: [various], more: () => ({ name: '-a' }) };
  const [named] = commandsOf(findingsOf(dashed, { netns: 7, namespaceNames: new Map([[1, 'blue']]) }));
  assert.equal(named, "tapscope diagnose --netns blue --for 60s -- '-a'");
});
