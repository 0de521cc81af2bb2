// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// rtnetlink in private namespaces of the real kernel, compared with what iproute2 says of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { env, execPath, getuid, pid } from 'node:process';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { failure } from '../../addon/test/fixture.ts';
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { nameOf } from '../foreign-name.ts';
import { netlinkRequest } from './native.ts';
import { packageRoot } from './package.ts';
import { type Link, linkDumpRequest, readLinks, readQdiscs } from './rtnetlink.ts';

const skip = noLab;
const rootless = getuid?.() === 0 ? false : 'needs root, to be another user';

function pathOf(netns: NamespaceLab): string {
  return `/run/netns/${netns.name}`;
}

async function findLink(netns: NamespaceLab, name: string): Promise<Link> {
  const found = (await readLinks(pathOf(netns))).find((link) => link.name === name);
  assert.ok(found, name);
  return found;
}

async function namesIn(path?: string): Promise<readonly string[]> {
  return (await readLinks(path)).map(({ name }) => name).sort();
}

/** What this process holds or stands in, by its descriptors and its threads: 'net:[4026531840]'. */
function namespacesHeld(): ReadonlySet<string> {
  const held = new Set<string>();
  for (const entry of readdirSync('/proc/self/fd')) {
    const path = `/proc/self/fd/${entry}`;
    if (existsSync(path)) held.add(readlinkSync(path));
  }
  for (const task of readdirSync('/proc/self/task')) held.add(readlinkSync(`/proc/self/task/${task}/ns/net`));
  return held;
}

test('tun, tap and queues are as iproute2 has them', { skip }, async (t) => {
  const netns = await namespaceLab(t);
  await netns.ip('tuntap add tun0 mode tun user 1234');
  await netns.ip('tuntap add tap0 mode tap multi_queue vnet_hdr');
  await netns.ip('link set tap0 txqueuelen 77 up');
  const tun = await findLink(netns, 'tun0');
  assert.equal(tun.kind, 'tun');
  assert.deepEqual(tun.tun, {
    type: 'tun',
    multiQueue: false,
    numQueues: undefined,
    numDisabledQueues: undefined,
    vnetHdr: false,
    persist: true,
    owner: 1234,
  });
  const { stats64, ...tap } = await findLink(netns, 'tap0');
  const shown = parseJson(await netns.ip('-j -d -s link show tap0'));
  assert.deepEqual(tap, {
    ifindex: numberAt(shown, 0, 'ifindex'),
    name: 'tap0',
    flags: tap.flags,
    txqlen: 77,
    operstate: 'down',
    qdisc: textAt(shown, 0, 'qdisc'),
    kind: 'tun',
    tun: {
      type: 'tap',
      multiQueue: true,
      numQueues: 0,
      numDisabledQueues: 0,
      vnetHdr: true,
      persist: true,
      owner: undefined,
    },
  });
  assert.equal(tap.flags & 1, 1);
  assert.equal(stats64.txDropped, numberAt(shown, 0, 'stats64', 'tx', 'dropped'));
});

test('odd names survive', { skip }, async (t) => {
  const netns = await namespaceLab(t);
  const names = ['"a"', "'$(x)'", 'a\\b', 'ü€', '{}[],=', '\x01\x7f', '~'];
  for (const name of names) await netns.ip('tuntap add mode tap dev', name);
  // 0xff is no UTF-8, and the arguments that Node gives to a program are.
  execFileSync('sh', ['-c', `ip -n ${netns.name} tuntap add mode tap dev "$(printf 'x\\377\\303')"`]);
  assert.deepEqual(
    await namesIn(pathOf(netns)),
    ['lo', String.raw`x\xff\xc3`, ...names.map((name) => nameOf(Buffer.from(name)))].sort(),
  );
});

test('counters of links and qdiscs are the kernel’s', { skip }, async (t) => {
  const netns = await namespaceLab(t);
  await netns.ip('link add v0 type veth peer name v1');
  await netns.tc('qdisc add dev v0 root handle 5: pfifo limit 3');
  await netns.ip('link set v1 up');
  const address = await netns.raise('v0');
  await netns.exec('bash', '-c', `for i in {1..9}; do echo > /dev/udp/${address}/9; done`);
  const { ifindex, stats64 } = await findLink(netns, 'v0');
  const link = await netns.link('v0');
  assert.equal(link.txPackets, 9);
  assert.deepEqual(
    [ifindex, stats64.txPackets, stats64.txBytes, stats64.txDropped, stats64.rxPackets],
    [link.ifindex, link.txPackets, link.txBytes, link.txDropped, link.rxPackets],
  );
  const qdisc = (await readQdiscs(pathOf(netns))).find((one) => one.ifindex === ifindex);
  const shown = at(parseJson(await netns.tc('-j -s qdisc show dev v0')), 0);
  const names = ['bytes', 'packets', 'drops', 'overlimits', 'requeues', 'qlen', 'backlog'] as const;
  const stats = Object.fromEntries(names.map((name) => [name, numberAt(shown, name)]));
  assert.deepEqual(qdisc, { ifindex, handle: 0x50000, parent: 0xffffffff, kind: 'pfifo', stats });
  assert.equal(qdisc?.stats.packets, 9);
});

test('a reply of many datagrams is whole', { skip }, async (t) => {
  const netns = await namespaceLab(t);
  const names = Array.from({ length: 150 }, (_, index) => `tap${index}`);
  await netns.ipBatch(names.map((name) => `tuntap add ${name} mode tap`));
  assert.deepEqual(await namesIn(pathOf(netns)), ['lo', ...names].sort());
});

test('the own namespace needs no path', async () => {
  assert.deepEqual(await namesIn(), readdirSync('/sys/class/net').sort());
});

test('a namespace that is none, and a request that the kernel refuses', { skip }, async (t) => {
  await assert.rejects(
    readLinks('/run/netns/tapscope-none'),
    failure('ENOENT', /^open namespace .*none: No such file/),
  );
  await assert.rejects(readLinks('/etc/hostname'), failure('EINVAL', /^enter namespace \/etc\/hostname: Invalid/));
  const netns = await namespaceLab(t);
  const unknown = linkDumpRequest();
  new Uint16Array(unknown.buffer)[2] = 250; // of rtnetlink: nfnetlink begins at 256
  await assert.rejects(
    netlinkRequest(pathOf(netns), unknown),
    failure('EOPNOTSUPP', /^complete a netlink request in namespace \/run\/netns\//),
  );
  assert.deepEqual(await namesIn(pathOf(netns)), ['lo']);
});

test('an acknowledgement is an empty reply, and silence is an error', async () => {
  const noop = linkDumpRequest();
  const words = new Uint16Array(noop.buffer);
  const [NLMSG_NOOP, NLM_F_REQUEST, NLM_F_ACK] = [1, 1, 4];
  words.set([NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK], 2);
  assert.equal((await netlinkRequest(undefined, noop)).length, 0);
  words.set([NLMSG_NOOP, NLM_F_REQUEST], 2);
  await assert.rejects(
    netlinkRequest(undefined, noop),
    failure('ETIMEDOUT', /^receive a netlink reply from the own namespace: Connection timed out/),
  );
});

test('50 requests at once reach 10 namespaces', { skip }, async (t) => {
  const all: NamespaceLab[] = [];
  for (let index = 0; index < 10; index++) {
    const netns = await namespaceLab(t);
    await netns.ip(`tuntap add only${index} mode tap`);
    all.push(netns);
  }
  const before = namespacesHeld();
  const requests = Array.from({ length: 50 }, async (_, index) => {
    const netns = all[index % 10];
    assert.ok(netns);
    assert.deepEqual(await namesIn(pathOf(netns)), ['lo', `only${index % 10}`]);
  });
  requests.push(assert.rejects(readLinks('/etc/hostname')), assert.rejects(readLinks('/run/netns/tapscope-none')));
  await Promise.all(requests);
  const after = [...namespacesHeld()].filter((held) => held.startsWith('net:') && !before.has(held));
  assert.deepEqual(after, []);
});

test('a deleted namespace dies', { skip }, async (t) => {
  const survivor = await namespaceLab(t);
  const name = `tapscope-short-${pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  await survivor.ip(`link add v1 type veth peer name v0 netns ${name}`);
  assert.deepEqual(await namesIn(`/run/netns/${name}`), ['lo', 'v0']);
  await readQdiscs(`/run/netns/${name}`);
  await findLink(survivor, 'v1');
  execFileSync('ip', ['netns', 'del', name]);
  // The kernel takes a namespace down when no process holds it, and v1 with its peer, but in its own time.
  for (let left = 600; left > 0; left--) {
    if (!(await namesIn(pathOf(survivor))).includes('v1')) return;
    await setTimeout(50);
  }
  assert.fail('the namespace is alive 30 s after its deletion: a process holds it');
});

/** Runs a script that has the addon and a request; returns what it printed. */
function runNode(script: string): string {
  const path = env.TAPSCOPE_ADDON ?? `${packageRoot()}/dist/addon/tapscope.node`;
  const start = `const path = ${JSON.stringify(path)};
    const addon = require(path);
    const request = new Uint8Array(${JSON.stringify([...linkDumpRequest()])});`;
  return execFileSync(execPath, ['-e', `${start}\n${script}`], { encoding: 'utf8', timeout: 20_000 });
}

test('a request keeps Node alive, the thread without one does not', () => {
  const output = runNode('addon.netlinkRequest(undefined, request).then(({ length }) => console.log(length > 0));');
  assert.equal(output, 'true\n');
});

test('an exit does not wait for requests', () => {
  const ask = 'for (let i = 0; i < 500; i++) addon.netlinkRequest(undefined, request).catch(() => {});';
  assert.equal(runNode(`${ask} process.exit(0);`), '');
});

test('a worker ends with its requests under way, and with its thread', () => {
  const worker = `const { parentPort, workerData } = require('node:worker_threads');
    const { netlinkRequest } = require(workerData.path);
    for (let i = 0; i < 500; i++) netlinkRequest(undefined, workerData.request).then(() => parentPort.postMessage(i));`;
  const output = runNode(`
    const { Worker } = require('node:worker_threads');
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: { path, request } });
    const { readdirSync, readFileSync } = require('node:fs');
    const nameOf = (task) => {
      try { return readFileSync('/proc/self/task/' + task + '/comm', 'utf8').trim(); } catch { return 'ended'; }
    };
    const names = () => readdirSync('/proc/self/task').map(nameOf);
    const running = () => names().includes('tapscope-rtnl');
    worker.once('message', async () => {
      const before = running();
      await worker.terminate();
      // Who waits for a thread is told of its end a little before it leaves /proc.
      for (let left = 100; left > 0 && running(); left--) await new Promise((done) => setTimeout(done, 50));
      console.log(before, running());
    });`);
  assert.equal(output, 'true false\n');
});

test('a thread that the host refuses is an error, and nothing of it is left at the end', { skip: rootless }, () => {
  // Root is under no such limit, and a user only when he makes the next thread.
  const output = runNode(`
    require('node:child_process').execFileSync('prlimit', ['--pid', process.pid, '--nproc=1:1']);
    process.setuid(54321);
    for (let tries = 0; tries < 3; tries++)
      try { addon.netlinkRequest(undefined, request); } catch ({ code, message }) { console.log(code, message); }`);
  const refusal = 'EAGAIN start the netlink thread: Resource temporarily unavailable\n';
  assert.equal(output, refusal.repeat(3));
});

test('the socket takes no answer that the kernel did not send: root of a namespace may send there', {
  skip,
}, async (t) => {
  const netns = await namespaceLab(t);
  await netns.ip('tuntap add tap0 mode tap');
  const testReader = await netns.testReader();
  let isOver = false;
  const forged = testReader.forge(pid, 2).finally(() => {
    isOver = true;
  });
  while (!isOver) assert.deepEqual(await namesIn(pathOf(netns)), ['lo', 'tap0']);
  t.diagnostic(`${await forged} forged answers came before the socket was connected`);
});
