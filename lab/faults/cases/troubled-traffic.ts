// SPDX-License-Identifier: Apache-2.0
// Readers die or stand still, rings and devices change, all under load.
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import type { FaultHost } from '../fault-host.ts';

const TURNS = 10;
const PAUSE_MS = 30;
const BURST = 30;

async function underLoad(host: FaultHost, step: (turn: number) => Promise<unknown>): Promise<void> {
  await host.loaded.load();
  for (let turn = 0; turn < TURNS; turn++) {
    await step(turn);
    await wait(PAUSE_MS);
  }
  host.over();
}

export const TRAFFIC_FAULTS: readonly Fault[] = [
  {
    name: 'the reader is killed (-9), its tap persists',
    play: async (host) => {
      const reader = await host.lab.testReader();
      const tap = await host.tap('faultread', 10, host.lab, [host.sender, reader]);
      await reader.persist('faultread', true);
      await tap.burst(BURST);
      await tap.readSome(5);
      reader.signal('SIGKILL');
      host.over();
      await host.isRight(tap);
      host.taps.delete(tap);
      await host.lab.ip('link del dev faultread');
    },
  },
  {
    name: 'the reader stands still for a second (SIGSTOP), under load',
    play: async (host) => {
      await host.loaded.load();
      host.reader.signal('SIGSTOP');
      await wait(1000);
      host.reader.signal('SIGCONT');
      host.over();
    },
  },
  {
    name: 'the qdisc of the tap is replaced under load',
    play: (host) =>
      underLoad(host, async () => {
        await host.lab.tc('qdisc replace dev faultload root pfifo limit 1000');
        await wait(PAUSE_MS);
        await host.lab.tc('qdisc del dev faultload root');
      }),
  },
  {
    name: 'the carrier of the tap is lost and comes back under load',
    play: (host) =>
      underLoad(host, (turn) => host.lab.ip(`link set dev faultload carrier ${turn % 2 === 0 ? 'off' : 'on'}`)),
  },
  {
    name: 'queues are attached and detached under load',
    play: async (host) => {
      const tap = await host.twoQueues('faultqueues');
      await tap.load();
      for (let turn = 0; turn < TURNS; turn++) {
        await wait(PAUSE_MS);
        await tap.withoutQueue(1, () => wait(PAUSE_MS));
      }
      await tap.unload();
      host.over();
      await host.isRight(tap);
      host.taps.delete(tap);
      await tap.close();
    },
  },
  {
    name: 'txqueuelen goes to 1 and back under load',
    play: (host) => underLoad(host, (turn) => host.sender.length('faultload', turn % 2 === 0 ? 1 : 500)),
  },
  {
    name: 'the MTU changes under load',
    play: (host) => underLoad(host, (turn) => host.lab.ip(`link set dev faultload mtu ${turn % 2 === 0 ? 600 : 1500}`)),
  },
  {
    name: 'the tap goes down and up under load',
    play: (host) =>
      underLoad(host, async () => {
        await host.sender.link('faultload', 'down');
        await wait(PAUSE_MS);
        await host.sender.link('faultload', 'up');
      }),
  },
];
