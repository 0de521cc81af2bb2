// SPDX-License-Identifier: Apache-2.0
// The program itself: stopped, frozen, throttled, starved, too slow.
import { setTimeout as wait } from 'node:timers/promises';
import { limitedCgroup } from '../../../test/host/cgroup.ts';
import { ALL, type Case, GUESTS, guestOf, VPNS } from '../case.ts';
import type { Scene } from '../scene.ts';

const READER_CPU = '1';
const EVERY_CPU = '0-1';

/** Loops that compute on the reader's CPU, before everything else there. */
async function starve(scene: Scene, nice: number, loops: number): Promise<void> {
  const { near, running } = scene;
  const pid = String(running.pid);
  await near.exec('taskset', '-a', '-p', '-c', READER_CPU, pid);
  scene.after(() => near.exec('taskset', '-a', '-p', '-c', EVERY_CPU, pid));
  await near.exec('sh', '-c', `renice -n 19 -p ${pid} $(ls /proc/${pid}/task)`);
  scene.after(() => near.exec('sh', '-c', `renice -n 0 -p ${pid} $(ls /proc/${pid}/task)`));
  for (let left = loops; left > 0; left--)
    scene.run(undefined, 'nice', '-n', String(nice), 'taskset', '-c', READER_CPU, 'sh', '-c', 'while :; do :; done');
}

const SENDER_CPU = '0';

/**
 * Far more than goes, all the time. Program and sender have a CPU each, before all others: else the program would be starved on a busy
 * host, or what comes would be bursts. Their session too: nice values count within a session, and sessions share the CPUs evenly.
 */
async function flood(scene: Scene): Promise<void> {
  const { near, running } = scene;
  const pid = String(running.pid);
  const prefer = (session: number, own: number): Promise<string> =>
    near.exec(
      'sh',
      '-c',
      `renice -n ${own} -p $(ls /proc/${pid}/task); [ ! -e /proc/${pid}/autogroup ] || echo ${session} >/proc/${pid}/autogroup`,
    );
  await near.exec('taskset', '-a', '-p', '-c', READER_CPU, pid);
  scene.after(() => near.exec('taskset', '-a', '-p', '-c', EVERY_CPU, pid));
  scene.after(() => prefer(0, 0));
  await prefer(-15, -15);
  const sender = await scene.send(400_000, { size: 1300 });
  await near.exec('sh', '-c', `taskset -p -c ${SENDER_CPU} ${sender}; renice -n -15 -p ${sender}`);
}

/** A host that gets no answer to ARP stops sending after a while: that would be another fault. */
async function pinNeighbour({ near, running }: Scene): Promise<void> {
  const entry = await near.ip(`neigh show ${running.beyond} dev ${running.device}`);
  const address = /lladdr (\S+)/.exec(entry)?.[1];
  if (address) await near.ip(`neigh replace ${running.beyond} lladdr ${address} dev ${running.device} nud permanent`);
}

async function steady(scene: Scene): Promise<void> {
  await pinNeighbour(scene);
  await scene.send(1000);
  await wait(1000);
}

export const READERS: readonly Case[] = [
  {
    name: 'program stopped (kill -STOP)',
    programs: ALL,
    expected: ['reader-stalled'],
    play: async (scene) => {
      await steady(scene);
      process.kill(scene.running.pid, 'SIGSTOP');
      scene.after(async () => process.kill(scene.running.pid, 'SIGCONT'));
    },
  },
  {
    name: 'program frozen by its cgroup',
    programs: VPNS,
    expected: ['reader-stalled'],
    play: async (scene) => {
      await steady(scene);
      limitedCgroup(scene, scene.running.pid, 'freezer');
    },
  },
  {
    name: 'program throttled by its cgroup',
    programs: ALL,
    expected: ['reader-starved'],
    play: async (scene) => {
      await pinNeighbour(scene);
      await scene.send(6000);
      limitedCgroup(scene, scene.running.pid, 'cpu');
    },
  },
  {
    name: 'program starved by loops of higher priority',
    programs: ALL,
    expected: ['reader-starved'],
    alone: true,
    play: async (scene) => {
      await pinNeighbour(scene);
      await starve(scene, -15, 2);
      await scene.send(6000);
    },
  },
  {
    name: 'program niced, on a busy CPU',
    programs: VPNS,
    expected: ['reader-starved'],
    alone: true,
    play: async (scene) => {
      await starve(scene, 0, 4);
      await scene.send(8000);
    },
  },
  {
    name: 'more UDP than the program encrypts',
    programs: VPNS,
    // wireguard-go encrypts in other threads than the one that reads, which waits for them.
    expected: ['reader-cpu-bound', 'reader-blocked'],
    alone: true,
    play: flood,
  },
  {
    name: 'more UDP than the guest takes',
    programs: GUESTS,
    expected: ['guest-not-refilling', 'reader-cpu-bound'],
    alone: true,
    play: flood,
  },
  {
    name: 'guest paused (stop in the monitor)',
    programs: GUESTS,
    expected: ['reader-stalled'],
    play: async (scene) => {
      await steady(scene);
      await guestOf(scene).monitor('stop');
      scene.after(() => guestOf(scene).monitor('cont'));
    },
  },
  {
    name: 'guest’s interface down',
    programs: GUESTS,
    expected: ['reader-stalled', 'guest-not-refilling'],
    play: async (scene) => {
      await steady(scene);
      await scene.running.remote('ip link set eth0 down');
      scene.after(() => scene.running.remote('ip link set eth0 up; ip route add default via 10.99.0.1'));
    },
  },
];
