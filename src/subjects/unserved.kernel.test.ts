// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What the guest sends reaches the host, which does not serve it: no packet is freed with a reason, and who asks is not told OK.
import assert from 'node:assert/strict';
import test from 'node:test';
import { often, SECONDS } from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene, scene } from '../../test/agent/on-call.ts';
import { connectionRequest, ethernet, GUEST, ping } from '../../test/host/frames.ts';
import { inside, macOf, noLab } from '../../test/host/netns.ts';
import { spawnReady } from '../../test/host/spawn-ready.ts';

const skip = noLab;
const HERE = { from: '10.71.0.2', to: '10.71.0.1', port: 80 };

/** 'ok', or 'unknown' with the doubts. */
async function told(one: Scene): Promise<string> {
  const { answer, findings } = await answerTo(one, 'tap0', SECONDS);
  return [answer, ...findings.flatMap(({ rule, doubts = [] }) => [rule, ...doubts])].join('; ');
}

/** A tap whose guest sends `frame(n)` 50 times a second to an address of the host. */
async function sending(t: Parameters<typeof scene>[0], frame: (n: number) => Buffer): Promise<Scene> {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await one.lab.exec('sh', '-c', `ip addr replace ${HERE.to}/24 dev tap0`);
  await one.lab.ip(`neigh replace ${HERE.from} lladdr ${GUEST} dev tap0 nud permanent`);
  const mac = await macOf(one.lab, 'tap0');
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
