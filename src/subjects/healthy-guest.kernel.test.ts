// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Two network stacks, joined by a tap on either side, at work without a fault: what the kernel frees then is no loss.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { droppedBefore, standingLab } from '../../test/agent/agent-lab.ts';
import { inside, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import type { Device } from '../snapshot/device.ts';

const tunPair = join(import.meta.dirname, '../../dist/test/tun-pair');
const DEVICE = 'vn0';
const ROUNDS = 10;

/** Answers by UDP; reads a stream to its end and answers; or sends a stream and closes first. */
const SERVICE = `
const [net, udp] = [require('node:net'), require('node:dgram')];
net.createServer({ allowHalfOpen: true }, (peer) => peer.on('end', () => peer.end('bye')).resume()).listen(5001, '::');
net.createServer((peer) => peer.end(Buffer.alloc(300000))).listen(5002, '::');
const echo = udp.createSocket('udp6').on('message', (data, { port, address }) => echo.send(data, port, address));
echo.bind(5003, '::', () => console.log('ready'));
`;
const CLIENT = `
const [net, udp, { once }] = [require('node:net'), require('node:dgram'), require('node:events')];
(async () => {
  for (const host of process.argv.slice(1)) {
    for (let round = 0; round < ${ROUNDS}; round++) {
      for (const [port, data] of [[5001, Buffer.alloc(300000)], [5002, '']]) {
        const stream = net.connect(port, host);
        stream.end(data);
        stream.resume();
        await once(stream, 'close');
      }
      const socket = udp.createSocket(host.includes(':') ? 'udp6' : 'udp4');
      for (const size of [50, 4000]) {
        socket.send(Buffer.alloc(size), 5003, host);
        await once(socket, 'message');
      }
      socket.close();
    }
  }
})();
`;

function freed({ receive }: Device, unwanted: boolean): readonly string[] {
  return (receive?.refusedByHost ?? [])
    .filter((drop) => (drop.unwanted ?? false) === unwanted)
    .map(({ reason, location, packets }) => `${packets} ${reason} in ${location}`);
}

test('TCP, UDP, fragments, neighbours and groups, both ways, with a slow sniffer', { skip: noLab }, async (t) => {
  const [near, far] = [await namespaceLab(t), await namespaceLab(t)];
  const agent = await standingLab();
  const spaces = [near, far].map(({ name }) => `/run/netns/${name}`);
  const mover = spawn(tunPair, [...spaces, DEVICE, 'tap'], { stdio: ['pipe', 'pipe', 'inherit'] });
  near.after(() => endOf(mover));
  await once(mover.stdout, 'data');
  for (const [lab, number] of [
    [near, 1],
    [far, 2],
  ] as const) {
    // The kernel's own packets belong to this test: duplicate addresses, routers and groups.
    await lab.exec('sh', '-c', `for one in all ${DEVICE}; do echo 0 > /proc/sys/net/ipv6/conf/$one/disable_ipv6; done`);
    await lab.ipBatch([`addr add 10.73.0.${number}/24 dev ${DEVICE}`, `addr add fd73::${number}/64 dev ${DEVICE}`]);
    await lab.ip(`link set ${DEVICE} up`);
    const service = spawn('nsenter', [...inside(lab.name), 'node', '-e', SERVICE], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    lab.after(() => endOf(service));
    await once(service.stdout, 'data');
  }
  const settled = async (lab: NamespaceLab): Promise<boolean> => !(await lab.ip('-6 addr show')).includes('tentative');
  await until(async () => (await settled(near)) && (await settled(far)));
  const sniffer = await near.testReader();
  await sniffer.sniff(DEVICE, true);
  await far.exec('node', '-e', CLIENT, '10.73.0.1', 'fd73::1');
  await near.exec('node', '-e', CLIENT, '10.73.0.2', 'fd73::2');
  await sniffer.quit();
  for (const lab of [near, far]) {
    const device = await agent.device(lab.inode, DEVICE);
    assert.ok((device.counters?.rxPackets ?? 0) > 100 * ROUNDS);
    // What a peer sends once too often TCP discards, and says why.
    const lost = freed(device, false).filter((place) => !/^\d+ TCP_/.test(place));
    assert.deepEqual([lost, droppedBefore(device)], [[], 0], JSON.stringify(device.otherDropped));
  }
});

async function endOf(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
