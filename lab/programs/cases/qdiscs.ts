// SPDX-License-Identifier: Apache-2.0
// Qdiscs in front of the device that discard, and some that do not.
import { ALL, type Case, calm } from '../case.ts';
import type { Scene } from '../scene.ts';

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
    expected: undefined,
    play: async (scene) => {
      await qdisc(scene, 'qdisc replace DEV root tbf rate 400mbit burst 300000 limit 600000');
      await scene.send(calm(scene));
    },
  },
];
