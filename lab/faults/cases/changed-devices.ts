// SPDX-License-Identifier: Apache-2.0
// Devices are renamed, moved, deleted and made again under the agent.
import { setTimeout as wait } from 'node:timers/promises';
import { inNamespace, type NamespaceLab } from '../../../test/host/netns.ts';
import type { Fault } from '../fault.ts';
import { type FaultHost, soon, whileDoing } from '../fault-host.ts';
import { WatchedTap } from '../watched-tap.ts';

const RING = 10;
const BURST = 30;
/** A round; twenty rounds have a thousand. */
const CHURNED = 50;

async function sendAndRead(tap: WatchedTap): Promise<void> {
  await tap.burst(BURST);
  await tap.drain();
}

async function isGone(host: FaultHost, name: string): Promise<void> {
  await soon(
    `${name} is on the page no more`,
    async () => !(await host.page()).text.includes(`device="${name}"`),
    6000,
  );
}

const scrapeWhile = (host: FaultHost, work: Promise<void>): Promise<void> =>
  whileDoing(work, async () => {
    await host.page();
    await wait(10);
  });

/** Makes and deletes a tap, or all, of the namespace. */
async function again(host: FaultHost, lab: NamespaceLab, name: string): Promise<void> {
  const testReaders = [await lab.testReader(), await lab.testReader()] as const;
  for (let time = 0; time < 2; time++) {
    const tap = await WatchedTap.make(lab, name, RING, testReaders);
    await sendAndRead(tap);
    await host.isRight(tap);
    await tap.close();
  }
}

export const DEVICE_CHANGES: readonly Fault[] = [
  {
    name: 'a tap is renamed under load',
    play: async (host) => {
      const { loaded } = host;
      await loaded.load();
      for (const name of ['faultrenamed', 'faultload']) {
        await host.lab.ip(`link set dev ${loaded.name} name ${name}`);
        loaded.name = name;
        await wait(100);
      }
      host.over();
    },
  },
  {
    name: 'a tap moves to another namespace and back',
    play: (host) =>
      inNamespace(async (lab) => {
        const there = await lab.testReader();
        const tap = await host.tap('faultmoved', RING);
        const move = async (to: NamespaceLab, sender: typeof there): Promise<void> => {
          await sendAndRead(tap);
          await tap.lab.ip(`link set dev faultmoved netns ${to.name}`);
          await to.ip('link set dev faultmoved up');
          await sender.running('faultmoved');
          tap.lab = to;
          tap.handOver(sender, host.reader);
          await sendAndRead(tap);
        };
        await move(lab, there);
        await host.isRight(tap);
        await move(host.lab, host.sender);
        host.over();
        await host.isRight(tap);
        host.taps.delete(tap);
        await tap.close();
      }),
  },
  {
    name: 'a tap is deleted and made again under its name',
    play: async (host) => {
      for (let time = 0; time < 4; time++) {
        const tap = await WatchedTap.make(host.lab, 'faultagain', RING, [host.sender, host.reader]);
        for (let burst = 0; burst <= time; burst++) await sendAndRead(tap);
        if (time > 0) await host.isRight(tap);
        await tap.close();
      }
      host.over();
      await isGone(host, 'faultagain');
    },
  },
  {
    name: 'a tap takes name and ifindex of a deleted one',
    play: (host) =>
      inNamespace(async (first) => {
        const here = [await first.testReader(), await first.testReader()] as const;
        const old = await WatchedTap.make(first, 'faultindex', RING, here);
        await sendAndRead(old);
        await host.isRight(old);
        await inNamespace(async (second) => {
          const reader = await second.testReader();
          await reader.open('faultindex', 'faultindex', 'tap');
          await old.close();
          // The kernel keeps an index that is free there.
          await second.ip(`link set dev faultindex netns ${first.name}`);
          const tap = await WatchedTap.adopt(first, 'faultindex', RING, [here[0], reader]);
          await sendAndRead(tap);
          host.over();
          await host.isRight(tap);
        });
      }),
  },
  {
    name: 'a namespace vanishes with its taps, under load',
    play: async (host) => {
      await inNamespace(async (lab) => {
        const testReaders = [await lab.testReader(), await lab.testReader()] as const;
        const tap = await WatchedTap.make(lab, 'faultgone', RING, testReaders);
        await sendAndRead(tap);
        await host.isRight(tap);
        await tap.load();
        await wait(50);
        for (const testReader of testReaders) testReader.signal('SIGKILL');
      });
      host.over();
      await isGone(host, 'faultgone');
    },
  },
  {
    name: 'a namespace of the same name follows',
    play: async (host) => {
      await inNamespace((lab) => again(host, lab, 'faultnext'));
      await inNamespace((lab) => again(host, lab, 'faultnext'));
      host.over();
      await isGone(host, 'faultnext');
    },
  },
  {
    name: `${CHURNED} taps are made and deleted while it is scraped`,
    play: async (host) => {
      const churn = async (): Promise<void> => {
        for (let made = 0; made < CHURNED; made++) {
          const tap = await WatchedTap.make(host.lab, 'faultchurn', RING, [host.sender, host.reader]);
          await sendAndRead(tap);
          if (made % 10 === 9) await host.isRight(tap);
          await tap.close();
        }
      };
      await scrapeWhile(host, churn());
      host.over();
      await isGone(host, 'faultchurn');
    },
  },
  {
    name: 'a thousand changes of links at once, while it is scraped',
    play: async (host) => {
      const lines = Array.from(
        { length: 1000 },
        (_, turn) => `link set dev faultquiet alias turn${turn} mtu ${1400 + (turn % 100)}`,
      );
      await host.loaded.load();
      await scrapeWhile(host, host.lab.ipBatch(lines));
      host.over();
    },
  },
];
