// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// What an agent and its commands leave as it is: files, devices, qdiscs, settings and modules of the host. And what they start: no program but the
// agent's second process.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { run } from '../../test/host/run.ts';
import { until } from '../../test/host/until.ts';
import { packageRoot } from '../kernel/package.ts';

const SOCKET = '/run/tapscope/agent.sock';
const OWN_FILES = ['/run', '/run/tapscope', SOCKET, '/run/tapscope/lock'];
/** Every question that reads more of a host than an agent does by itself, and the text of its answer. */
const QUESTIONS: readonly (readonly [words: readonly string[], answer: RegExp])[] = [
  [['check', 'vnet0', '--netns=NETNS'], /vnet0/],
  [['diagnose', '--for=2s', '--netns=NETNS'], /of 3 devices watched/],
  [['doctor', '--verbose'], /An agent runs, pid \d+/],
  [['whatif', 'vnet0', '--for=2s', '--netns=NETNS'], /vnet0/],
  [['top', '-b', '-n', '2', '--netns=NETNS'], /vnet0/],
  [['drops', 'vnet0', '--for=1s', '--netns=NETNS'], /DEVICE/],
];

/** Asks the agent behind the socket all of them. */
async function askAll({ inode }: NamespaceLab, socket: string, wrapper: readonly string[] = []): Promise<void> {
  for (const [words, answer] of QUESTIONS) {
    const own = words[0] === 'drops' ? [] : [`--socket=${socket}`];
    const typed = [...words.map((word) => word.replace('NETNS', String(inode))), ...own];
    const { stdout, stderr } = await tapscope(typed, { wrapper });
    assert.match(stdout, answer, `${typed.join(' ')}: ${stderr}`);
  }
}

/** A root file system of which every change is kept apart, until the test ends. */
interface OverlaidRoot {
  /** Starts a program in it. */
  readonly wrapper: readonly string[];
  /** What was made, changed or removed below it, also for a moment: a folder in which a name came or went is there itself. */
  changes(): Promise<readonly string[]>;
}

const OVERLAY = `set -e
  mount -t tmpfs none "$1"; cd "$1"; mkdir upper work root
  mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work none root
  for each in dev proc sys; do mount --rbind /$each root/$each; done
  [ -e "root$2" ] && [ -e "root$3" ] && echo ready || echo "has not all of this tree on its root file system"
  read _`;

/** Why there is none here, or the overlay. */
async function overlaidRoot(t: TestContext): Promise<OverlaidRoot | string> {
  const folder = temporaryFolder(t);
  const words = [
    '--mount',
    'sh',
    '-c',
    OVERLAY,
    'sh',
    folder,
    join(packageRoot(), 'dist/src/main.js'),
    process.execPath,
  ];
  const holder = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => holder.stdin.end());
  const said = await Promise.race([once(holder.stdout, 'data'), once(holder.stderr, 'data')]).then(String);
  if (!said.startsWith('ready')) return `no overlay can be made of this host: ${said.trim()}`;
  const inside = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`];
  const [program = '', ...around] = inside;
  return {
    wrapper: [...inside, 'chroot', join(folder, 'root')],
    changes: async () =>
      (await run(program, [...around, 'find', join(folder, 'upper'), '-mindepth', '1', '-printf', '/%P\n'])).stdout
        .split('\n')
        .filter(Boolean)
        .sort(),
  };
}

test('an agent and its commands write no file but the lock and the socket, not even for a moment', {
  skip: noLab,
}, async (t) => {
  const lab = await troubledDevices(t);
  const root = await overlaidRoot(t);
  if (typeof root === 'string') return t.skip(root);
  const { wrapper } = root;
  const agent = await startAgent(t, [`--socket=${SOCKET}`], { wrapper });
  await askAll(lab, SOCKET, wrapper);
  const foreign = async () => (await root.changes()).filter((path) => !OWN_FILES.includes(path));
  assert.deepEqual(await foreign(), []);
  assert.ok((await root.changes()).includes(SOCKET));
  assert.equal((await agent.stop()).code, 0);
  assert.deepEqual(await foreign(), []);
  assert.ok(!(await root.changes()).includes(SOCKET));

  const [program = '', ...around] = wrapper;
  await run(program, [...around, 'sh', '-c', 'touch /etc/for-a-moment; rm /etc/for-a-moment']);
  assert.deepEqual(await foreign(), ['/etc'], 'the test itself would see a file that is there for a moment');
});

/** A full ring, a device without a reader, a bridge, qdiscs and a filter: what makes an agent look at a host's surroundings. */
async function troubledDevices(t: TestContext): Promise<NamespaceLab> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'vnet0', 'tap', 'mq');
  await testReader.open('1', 'vnet0', 'tap', 'mq');
  await testReader.open('2', 'vnet1', 'tap', 'persist');
  await testReader.open('3', 'tun0', 'tun');
  const peer = await lab.raise('vnet0', 10);
  await lab.raise('vnet1', 20);
  await lab.ipBatch([
    'link add br0 type bridge',
    'link set br0 up',
    'link add veth0 type veth peer name veth1',
    ...['vnet1', 'veth0'].map((port) => `link set ${port} master br0 up`),
    'link set veth1 up',
  ]);
  await testReader.close('2');
  await lab.tc('qdisc replace dev veth1 root tbf rate 8mbit burst 15400 limit 50000');
  await lab.tc('qdisc replace dev vnet0 clsact');
  await lab.tc('filter add dev vnet0 egress protocol ip u32 match ip protocol 6 0xff flowid 1:1');
  await testReader.udp(peer, 9, 100, 64);
  return lab;
}

/** What the kernel tells of devices in a network namespace; -s: their counters too, where nothing else sends. */
const devices = (counters: '-s' | ''): string => `
  ip -d ${counters} link; ip addr; ip rule; ip route show table all; tc -d ${counters} qdisc; bridge -d link; bridge -d vlan
  for device in $(ls /sys/class/net); do
    for way in root ingress egress; do tc ${counters} filter show dev $device $way 2>&1; done
  done
  [ -z "${counters}" ] || { ip neigh; bridge fdb; }
  if command -v nft >/dev/null; then nft list ruleset; fi
  grep -rs '' /sys/class/net/*/ --exclude-dir=statistics --exclude-dir=device; true`;

/** Settings of the kernel, its modules, what is pinned, and what traces; of the settings not those by which the kernel itself counts. */
const SETTINGS = `
  find /proc/sys -type f ! -path '*/random/*' ! -path '*/quota/*' ! -name '*-nr' ! -name '*-state' ! -name ns_last_pid \\
    ! -name '*_count' ! -path '*/pty/nr' ! -name perf_event_max_sample_rate | sort | xargs grep -s ''
  ls /sys/module; grep -s '' /sys/module/*/parameters/* | grep -v /page_reporting/
  find /sys/fs/bpf /sys/kernel/config 2>&1
  cd /sys/kernel/tracing 2>/dev/null && grep -s '' kprobe_events uprobe_events set_event set_ftrace_filter current_tracer tracing_on; true`;

/** Times that go on by themselves. */
const TIMERS = /\b(\w+_timer|valid_lft|preferred_lft|expires)[ :]+[\d.]+(?:sec)?/g;

async function stateOf(lab: NamespaceLab): Promise<readonly string[]> {
  const [own, host, settings] = await Promise.all([
    lab.exec('sh', '-c', devices('-s')),
    run('sh', ['-c', devices('')]),
    run('sh', ['-c', SETTINGS], { maxBuffer: 2 ** 26 }),
  ]);
  return [own, host.stdout, settings.stdout].flatMap((text) => text.replaceAll(TIMERS, '$1').split('\n'));
}

/** When it changes no more by itself: a carrier that came or went gets to a bridge some seconds later. */
async function settledState(lab: NamespaceLab): Promise<readonly string[]> {
  let now = await stateOf(lab);
  const isSettled = async (): Promise<boolean> => {
    await wait(3000);
    const before = now;
    now = await stateOf(lab);
    return differences(before, now).length === 0;
  };
  await until(isSettled);
  return now;
}

/** Lines that only one of both has. */
function differences(before: readonly string[], after: readonly string[]): readonly string[] {
  const [then, now] = [new Set(before), new Set(after)];
  return [...before.filter((line) => !now.has(line)), ...after.filter((line) => !then.has(line))];
}

test('an agent and its commands change no device, qdisc, setting or module, while they run and after', {
  skip: noLab,
}, async (t) => {
  const lab = await troubledDevices(t);
  const before = await settledState(lab);
  assert.ok(before.some((line) => /tbf/.test(line)) && before.some((line) => /bpf_stats_enabled/.test(line)));
  const agent = await startAgent(t);
  await askAll(lab, agent.socket);
  assert.deepEqual(differences(before, await stateOf(lab)), []);
  const { code } = await agent.stop();
  assert.equal(code, 0);
  assert.deepEqual(differences(before, await stateOf(lab)), []);

  await lab.ip('link set dev vnet0 txqueuelen 11');
  const seen = differences(before, await stateOf(lab)).join('\n');
  assert.match(seen, /qlen 11/, 'the test itself would see a changed device');
});

/** Page faults of ended children that the process waited for, and theirs (proc_pid_stat(5), cminflt and cmajflt): 0 where it never had one. */
function faultsOfEnded(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[8]) + Number(fields[10]);
}

test('an agent starts no program but its second process', { skip: noLab }, async (t) => {
  const lab = await troubledDevices(t);
  const agent = await startAgent(t);
  await askAll(lab, agent.socket);
  await wait(2000);
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  assert.deepEqual(agent.processes(), [agent.pid, serving]);
  assert.match(readFileSync(`/proc/${serving}/cmdline`, 'latin1'), /dist\/src\/serving\.js\0$/);
  for (const pid of agent.processes()) assert.equal(faultsOfEnded(pid), 0, `process ${pid} had another child`);
  assert.match((await agent.metrics()).text, new RegExp(`netns="${lab.inode}"`), 'it has looked at the devices');

  process.kill(serving, 'SIGKILL');
  await until(() => faultsOfEnded(agent.pid) > 0);
  assert.ok(faultsOfEnded(agent.pid) > 0, 'the test itself would see a child that has ended');
});

test('no command but bench and demo has the means to start a program', () => {
  for (const name of ['main', 'agent', 'serving']) {
    const bundle = readFileSync(join(packageRoot(), `dist/src/${name}.cjs`), 'latin1');
    assert.match(bundle, /node:fs/);
    assert.deepEqual(bundle.match(/child_process/g), null);
  }
});
