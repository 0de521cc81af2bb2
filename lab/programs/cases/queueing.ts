// SPDX-License-Identifier: Apache-2.0
// The ring itself: too small for its bursts, of one packet, of none.
import { ALL, type Case, calm } from '../case.ts';
import type { Scene } from '../scene.ts';

/** What it was before comes back at the end. */
async function ring(scene: Scene, length: number): Promise<void> {
  const { near, running } = scene;
  const { txqueuelen } = await near.link(running.device);
  await near.ip(`link set ${running.device} txqueuelen ${length}`);
  scene.after(() => near.ip(`link set ${running.device} txqueuelen ${txqueuelen}`));
}

export const RINGS: readonly Case[] = [
  {
    name: 'txqueuelen 10, bursts of 60',
    programs: ALL,
    expected: ['ring-full-burst'],
    play: async (scene) => {
      await ring(scene, 10);
      await scene.send(300, { lump: 60 });
    },
  },
  {
    name: 'txqueuelen 1, bursts of 20',
    programs: ALL,
    expected: ['ring-full-burst'],
    play: async (scene) => {
      await ring(scene, 1);
      await scene.send(200, { lump: 20 });
    },
  },
  {
    name: 'txqueuelen 0',
    programs: ALL,
    expected: ['txqlen-zero'],
    play: async (scene) => {
      await ring(scene, 0);
      await scene.send(300);
    },
  },
];

async function qdisc(scene: Scene, ...lines: readonly string[]): Promise<void> {
  const { near, running } = scene;
  scene.after(() => near.tc(`qdisc del dev ${running.device} root`));
  for (const line of lines) await near.tc(line.replace('DEV', `dev ${running.device}`));
}

export const QDISCS: readonly Case[] = [
  {
    name: 'tbf of 400 kbit/s',
    programs: ALL,
    expected: ['qdisc-drop'],
    play: async (scene) => {
      await qdisc(scene, 'qdisc replace DEV root tbf rate 400kbit burst 3000 limit 6000');
      await scene.send(500);
    },
  },
  {
    name: 'htb class with a pfifo of 5 packets',
    programs: ALL,
    expected: ['qdisc-drop'],
    play: async (scene) => {
      await qdisc(
        scene,
        'qdisc replace DEV root handle 1: htb default 1',
        'class add DEV parent 1: classid 1:1 htb rate 400kbit',
        'qdisc add DEV parent 1:1 pfifo limit 5',
      );
      await scene.send(500);
    },
  },
  {
    name: 'tbf that has room for all',
    programs: ['openvpn', 'qemu'],
    play: async (scene) => {
      await qdisc(scene, 'qdisc replace DEV root tbf rate 400mbit burst 300000 limit 600000');
      await scene.send(calm(scene));
    },
  },
];
