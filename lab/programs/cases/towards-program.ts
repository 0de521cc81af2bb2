// SPDX-License-Identifier: Apache-2.0
// What becomes of packets on their way to a program: its link, its bridge, its MTU, its qdisc, its buffers, its own socket.
import { setTimeout as wait } from 'node:timers/promises';
import { macOf } from '../../../test/host/netns.ts';
import { ALL, type Case, calm, ETHERNETS } from '../case.ts';
import type { Scene } from '../scene.ts';
import { bridge } from './bridge.ts';
import { redirect } from './from-program.ts';

async function carrierOff(scene: Scene): Promise<void> {
  const { near, running } = scene;
  await near.ip(`link set ${running.device} carrier off`);
  scene.after(() => near.ip(`link set ${running.device} carrier on`));
}

async function mtu(scene: Scene, bytes: number): Promise<void> {
  const { near, running } = scene;
  const before = /mtu (\d+)/.exec(await near.ip(`link show dev ${running.device}`))?.[1];
  await near.ip(`link set ${running.device} mtu ${bytes}`);
  scene.after(() => near.ip(`link set ${running.device} mtu ${before}`));
}

/** No sender hears that its packets are too long. */
async function noErrors(scene: Scene): Promise<void> {
  const { near } = scene;
  const rule = 'icmp type destination-unreachable drop';
  await near.exec(
    'nft',
    `add table ip silent; add chain ip silent c { type filter hook output priority 0; }; add rule ip silent c ${rule}`,
  );
  scene.after(() => near.exec('nft', 'delete table ip silent'));
}

/** Also what asks for the host's link address, which its neighbour has to know then. */
async function redirectCable(scene: Scene): Promise<void> {
  const { near, running, stage } = scene;
  const neighbour = `10.8.0.1 lladdr ${await macOf(near, 'lan0')} dev lan0`;
  await stage.source.ip(`neigh replace ${neighbour} nud permanent`);
  scene.after(() => stage.source.ip(`neigh del ${neighbour}`));
  await redirect(scene, 'lan0', running.device);
}

/** Bytes that stand in the device’s qdisc. */
async function backlog({ near, running }: Scene): Promise<number> {
  const [, bytes] = /backlog (\d+)b/.exec(await near.tc(`-s -r qdisc show dev ${running.device}`)) ?? [];
  return Number(bytes);
}

const PAUSE_MS = 500;
const RUN_MS = 150;

/** It gets no CPU for half a second, again and again: long enough for its socket to overflow. */
async function stutter(scene: Scene): Promise<void> {
  const { pid } = scene.running;
  let over = false;
  const work = (async () => {
    while (!over) {
      process.kill(pid, 'SIGSTOP');
      await wait(PAUSE_MS);
      process.kill(pid, 'SIGCONT');
      await wait(RUN_MS);
    }
  })();
  scene.after(async () => {
    over = true;
    await work;
  });
}

const GROUP = '239.1.2.3';
/** A bridge that asks for memberships begins with two queries, a quarter of its interval apart. */
const ASKED_MS = 6000;

async function toGroup(scene: Scene, snooping: 0 | 1): Promise<void> {
  const { source } = scene.stage;
  await bridge(scene, `mcast_snooping ${snooping} mcast_querier 1 mcast_query_response_interval 100`);
  await source.ip('route add 239.0.0.0/8 dev lan0');
  scene.after(() => source.ip('route del 239.0.0.0/8 dev lan0'));
  await wait(ASKED_MS);
  await scene.send(300, { from: source, to: GROUP });
}

export const TOWARDS_PROGRAM: readonly Case[] = [
  {
    name: 'carrier off',
    programs: ALL,
    expected: ['carrier-off'],
    play: async (scene) => {
      await carrierOff(scene);
      await scene.send(300, { from: scene.stage.source });
    },
  },
  {
    name: 'tc redirects what comes by the cable to the device, which has no carrier',
    programs: ['openvpn', 'qemu'],
    expected: ['carrier-off'],
    play: async (scene) => {
      await carrierOff(scene);
      await redirectCable(scene);
      await scene.send(300, { from: scene.stage.source });
    },
  },
  {
    name: 'tc redirects what comes by the cable to the device',
    programs: ['openvpn', 'socat'],
    play: async (scene) => {
      await redirectCable(scene);
      await scene.send(calm(scene), { from: scene.stage.source });
    },
  },
  {
    name: 'packets longer than the tunnel’s MTU, and no ICMP that says so',
    programs: ALL,
    expected: ['loss-unexplained'],
    play: async (scene) => {
      await mtu(scene, 1280);
      await noErrors(scene);
      await scene.send(300, { from: scene.stage.source, size: 1400 });
    },
  },
  {
    name: 'an MTU longer than what the program reads at once',
    programs: ['openvpn', 'socat'],
    expected: ['short-reads'],
    play: async (scene) => {
      await mtu(scene, 16_000);
      await scene.send(200, { size: 12_000 });
    },
  },
  {
    name: 'tbf with a queue of seconds',
    programs: ALL,
    expected: ['qdisc-delay'],
    harm: backlog,
    play: async (scene) => {
      const { near, running } = scene;
      scene.after(() => near.tc(`qdisc del dev ${running.device} root`));
      await near.tc(`qdisc replace dev ${running.device} root tbf rate 500kbit burst 3000 limit 10000000`);
      await scene.send(250);
    },
  },
  {
    name: 'the program’s own socket overflows',
    // wireguard-go asks for a buffer of 7 MB.
    programs: ['openvpn', 'socat'],
    expected: ['program-socket-full'],
    play: async (scene) => {
      await scene.sendBack(4000);
      await stutter(scene);
    },
  },
  {
    name: 'a multicast group that the bridge does not know behind the port',
    programs: ETHERNETS,
    expected: ['bridge-table'],
    play: (scene) => toGroup(scene, 1),
  },
  {
    name: 'broadcasts on a bridge that nobody asked for',
    programs: ETHERNETS,
    moves: ['taken'],
    play: async (scene) => {
      await bridge(scene);
      const one = 'head -c 500 /dev/zero | socat -u - UDP4-DATAGRAM:10.99.0.255:9,broadcast';
      scene.run(scene.stage.source, 'sh', '-c', `while :; do ${one}; sleep 0.02; done`);
      await scene.send(calm(scene), { from: scene.stage.source });
    },
  },
];
