// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// What the guest sends reaches the host, which does not serve it, or not so that answers come back: no drop tells, and who asks is not told OK.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { often, routed, SECONDS } from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene, scene } from '../../test/agent/on-call.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { connectionRequest, datagram, ethernet, GUEST, ping } from '../../test/host/frames.ts';
import { inside, macOf, noLab } from '../../test/host/netns.ts';
import { spawnReady } from '../../test/host/spawn-ready.ts';
import { until } from '../../test/host/until.ts';

const skip = noLab;
const HERE = { from: '10.71.0.2', to: '10.71.0.1', port: 80 };

/** 'ok', or 'unknown' with the doubts. */
async function told(one: Scene): Promise<string> {
  const { answer, findings } = await answerTo(one, 'tap0', SECONDS);
  return [answer, ...findings.flatMap(({ rule, doubts = [] }) => [rule, ...doubts])].join('; ');
}

/** A tap whose guest sends `frame(n)` 50 times a second to an address of the host. */
async function sending(t: Parameters<typeof scene>[0], frame: (n: number) => Buffer, to?: string): Promise<Scene> {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await one.lab.exec('sh', '-c', `ip addr replace ${HERE.to}/24 dev tap0`);
  await one.lab.ip(`neigh replace ${HERE.from} lladdr ${GUEST} dev tap0 nud permanent`);
  const mac = to ?? (await macOf(one.lab, 'tap0'));
  let sent = 0;
  often(one, 20, () => one.reader.frame('a', 1, ethernet(mac, frame(sent++))));
  return one;
}

/** Listens, and accepts nobody once it said so. */
const SERVER = `
require('node:net').createServer().listen({ port: ${HERE.port}, host: '0.0.0.0', backlog: 1 }, () => {
  console.log('ready');
  if (process.argv[1] === 'stuck') setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50);
});`;
const CLIENTS = `
for (let i = 0; i < 4; i++) require('node:net').connect(${HERE.port}, '127.0.0.1').on('error', () => {});
setTimeout(() => process.exit(), 500);`;

for (const [name, how, expected] of [
  [
    'does not accept',
    'stuck',
    /^unknown; not-here; servers of its namespace had no room for [\d ]+ connection requests/,
  ],
  ['accepts', 'alive', /^ok; not-here$/],
] as const)
  test(`a server of the host ${name}`, { skip }, async (t) => {
    const one = await sending(t, (n) => connectionRequest(HERE, 1024 + (n % 60_000)));
    await spawnReady(t, ['nsenter', ...inside(one.lab.name), process.execPath, '-e', SERVER, how]);
    if (how === 'stuck') await one.lab.exec(process.execPath, '-e', CLIENTS);
    assert.match(await told(one), expected);
  });

for (const [ignore, expected] of [
  [1, /^unknown; not-here; [\d ]+ pings that came into its namespace got no answer/],
  [0, /^ok; not-here$/],
] as const)
  test(`icmp_echo_ignore_all is ${ignore}`, { skip }, async (t) => {
    const one = await sending(t, () => ping(HERE.from, HERE.to));
    await one.lab.exec('sysctl', '-q', `net.ipv4.icmp_echo_ignore_all=${ignore}`);
    assert.match(await told(one), expected);
  });

test('pings of others that the host does not answer are no doubt about a busy guest', { skip }, async (t) => {
  const one = await sending(t, () => ping(HERE.from, HERE.to));
  await one.lab.exec('sysctl', '-q', 'net.ipv4.icmp_echo_ignore_all=1');
  const sender = await one.lab.testReader();
  often(one, 50, () => sender.udp(HERE.from, 9, 5, 64));
  assert.match(await told(one), /^ok; not-here$/);
});

function sendingTo(t: Parameters<typeof scene>[0], to: string): Promise<Scene> {
  const [, second = 0, ...last] = to.split('.').map(Number);
  const mac = [1, 0, 0x5e, second & 127, ...last].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return sending(t, () => datagram({ from: HERE.from, to, port: 9 }), mac);
}

const UNROUTED = /^unknown; not-here; the host dropped [\d ]+ packets from it for multicast groups \(239\.1\.2\.3\)/;

test('a group that the host should route, and no multicast router runs', { skip }, async (t) => {
  const one = await sendingTo(t, '239.1.2.3');
  await one.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=0');
  assert.match(await told(one), /^ok; not-here$/, 'it does not forward');
  await one.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1');
  assert.match(await told(one), UNROUTED);
});

for (const [name, to] of [
  ['of the link alone (mDNS)', '224.0.0.251'],
  ['by which services are looked for (SSDP)', '239.255.255.250'],
] as const)
  test(`a host that forwards, and a group ${name}`, { skip }, async (t) => {
    const one = await sendingTo(t, to);
    await one.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1');
    assert.match(await told(one), /^ok; not-here$/);
  });

test('a group that a program of the host listens to', { skip }, async (t) => {
  const one = await sendingTo(t, '239.1.2.3');
  await one.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await spawnReady(t, ['nsenter', ...inside(one.lab.name), process.execPath, '-e', LISTENER]);
  assert.match(await told(one), /^ok; not-here$/);
});

const LISTENER = `
const socket = require('node:dgram').createSocket('udp4');
socket.bind(9, () => {
  socket.addMembership('239.1.2.3', '${HERE.to}');
  console.log('ready');
});`;

/** The guest pings a host behind up0, which answers to what is written as its source. */
async function translated(t: TestContext, source: string): Promise<Scene> {
  const one = await routed(t);
  await one.far.ip('route add default via 10.99.0.1');
  const rules = 'add table ip n; add chain ip n p { type nat hook postrouting priority 100; };';
  await one.lab.exec('nft', `${rules} add rule ip n p oifname up0 ${source}`);
  const frame = ethernet(await macOf(one.lab, 'tap0'), ping('10.71.0.2', '10.99.0.2'));
  often(one, 50, () => one.reader.frame('a', 1, frame));
  return one;
}

for (const [source, expected] of [
  ['masquerade', /^ok; not-here$/],
  ['snat to 10.99.0.1', /^ok; not-here$/],
  // Not the host's own, and the other one has a route to it.
  ['snat to 192.0.2.7', /^ok; not-here$/],
  ['snat to 10.99.0.50', /^unknown; not-here; what 10\.71\.0\.2 sends leaves as 10\.99\.0\.50 \(SNAT\)/],
] as const)
  test(`the source that a guest's packets leave with: ${source}`, { skip }, async (t) => {
    assert.match(await told(await translated(t, source)), expected);
  });

test('an agent, which may not read connections, is in no doubt about a guest behind masquerade', {
  skip,
}, async (t) => {
  const one = await translated(t, 'masquerade');
  const { socket } = await startAgent(t);
  const asked = ['diagnose', `${one.lab.name}/tap0`, `--for=${SECONDS}s`, `--socket=${socket}`];
  let stdout = '';
  await until(async () => {
    ({ stdout } = await tapscope(asked));
    return !stdout.includes('ask again'); // a busy host
  });
  assert.match(stdout, /^OK: /);
});
