// SPDX-License-Identifier: Apache-2.0
// The ring itself: too small for its bursts, of one packet, of none.
import { ALL, type Case } from '../case.ts';
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
