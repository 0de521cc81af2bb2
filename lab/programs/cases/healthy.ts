// SPDX-License-Identifier: Apache-2.0
// Healthy hosts: every answer but OK is a false alarm.
import { setTimeout as wait } from 'node:timers/promises';
import { ALL, type Case, calm, GUESTS, VPNS } from '../case.ts';
import { SINK_TCP_PORT } from '../counted-traffic.ts';
import type { Scene } from '../scene.ts';

/** At this rate a ring of 500 packets does not overflow, even on a busy machine. */
function tcp(scene: Scene, ...more: readonly string[]): void {
  const rate = scene.running.vm === '' ? '4M' : '1M';
  scene.run(scene.near, 'iperf3', '-c', scene.running.beyond, '-t', '30', '-b', rate, ...more);
}

export const HEALTHY: readonly Case[] = [
  { name: 'idle', programs: ALL, play: () => wait(100) },
  {
    name: 'ping only',
    programs: ALL,
    play: async (scene) => scene.run(scene.near, 'ping', '-q', '-i', '0.2', scene.running.beyond),
  },
  {
    name: 'UDP at a rate that the program manages',
    programs: ALL,
    play: (scene) => scene.send(calm(scene)),
  },
  {
    name: 'UDP from the program',
    programs: VPNS,
    play: (scene) => scene.sendBack(calm(scene)),
  },
  {
    name: 'TCP to the program',
    programs: ALL,
    moves: ['taken'],
    play: async (scene) => tcp(scene),
  },
  {
    name: 'TCP from the program',
    programs: ALL,
    moves: ['given'],
    play: async (scene) => tcp(scene, '-R'),
  },
  {
    name: 'TCP both ways at once',
    programs: ALL,
    moves: ['taken', 'given'],
    play: async (scene) => tcp(scene, '--bidir'),
  },
  {
    name: 'many short flows',
    programs: ALL,
    moves: ['taken'],
    play: async (scene) => {
      const one = `head -c 3000 /dev/zero | socat -u - TCP4:${scene.running.beyond}:${SINK_TCP_PORT}`;
      scene.run(scene.near, 'sh', '-c', `while :; do ${one}; sleep 0.1; done`);
    },
  },
  {
    name: 'bursts that fit the ring',
    programs: ALL,
    play: (scene) => scene.send(200, { lump: 60 }),
  },
  {
    name: 'UDP that is forwarded, with the reader’s CPU shared',
    programs: GUESTS,
    play: (scene) => scene.send(calm(scene), { from: scene.stage.source }),
  },
  {
    name: 'a pause of the program that loses nothing',
    programs: VPNS,
    play: async (scene) => {
      await scene.send(100);
      await wait(1000);
      process.kill(scene.running.pid, 'SIGSTOP');
      await wait(700);
      process.kill(scene.running.pid, 'SIGCONT');
    },
  },
];
