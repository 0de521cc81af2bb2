// SPDX-License-Identifier: Apache-2.0
// The process that counts may open nothing more for a while.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { sumOf } from '../../../src/engine/queue-sums.ts';
import type { Metrics } from '../../../test/agent/serve-process.ts';
import type { Fault } from '../fault.ts';
import { type FaultHost, servingOf, soon } from '../fault-host.ts';
import { distance, type Figures, since, WatchedTap } from '../watched-tap.ts';

/** A sample and more. */
const LASTS_MS = 1200;
const USUAL_DESCRIPTORS = 20_000;
const RING = 10;
/** Of a burst: more than the ring holds, which wakes an agent that rests. */
const BURST = 30;
const SHORT_LIVED = 5;

/** The process that counts may open no descriptor beyond this number during `work`. Whatever becomes of that, the next fault finds the usual limit. */
async function withDescriptors(
  { agent: { pid } }: FaultHost,
  most: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const limit = (soft: number): unknown => execFileSync('prlimit', [`--pid=${pid}`, `--nofile=${soft}:`]);
  limit(most);
  try {
    await work();
  } finally {
    limit(USUAL_DESCRIPTORS);
  }
}

/** Packets of all devices that were deleted, as WatchedTap.shown() has those of one that is there. */
function endedOn(page: Metrics): Figures {
  const sum = (what: string): number => sumOf(Object.values(page.by('device', `tapscope_ended_${what}_packets_total`)));
  // A device that has just come up may have a qdisc that drops all.
  const before = sum('other_dropped');
  return {
    offered: sum('offered') + before,
    delivered: sum('delivered'),
    lost: sum('dropped') + sum('uncounted_lost') + before,
  };
}

function together(lives: readonly Figures[]): Figures {
  const sum = (what: keyof Figures): number => sumOf(lives.map((life) => life[what]));
  return { offered: sum('offered'), delivered: sum('delivered'), lost: sum('lost') };
}

/** What enters rings is counted by programs, and not derived. */
async function isCounting(host: FaultHost): Promise<boolean> {
  const transmit = (await host.page()).by('mechanism', 'tapscope_probe_attached', { event: 'transmit' });
  return Object.entries(transmit).some(([mechanism, attached]) => attached === 1 && mechanism !== 'arithmetic');
}

export const DESCRIPTOR_SHORTAGES: readonly Fault[] = [
  {
    name: 'descriptors run out while it runs',
    says: /could not be looked at \([^)]*Too many open files\)/,
    play: async (host) => {
      await host.loaded.load();
      await withDescriptors(host, readdirSync(`/proc/${host.agent.pid}/fd`).length, () => wait(LASTS_MS));
      host.over();
    },
  },
  {
    name: 'descriptors run out while it rests, and it must count more closely',
    isFresh: true,
    changesLevel: true,
    start: () => ({ args: ['--budget=off', '--level=auto'] }),
    play: async (host) => {
      await host.loaded.load();
      await withDescriptors(host, 1, async () => {
        await host.quiet.burst(BURST);
        await wait(LASTS_MS);
        await host.quiet.drain();
      });
      await soon('it counts with all of its programs', () => isCounting(host));
      host.over();
    },
  },
  {
    name: `${SHORT_LIVED} taps live for a moment while no descriptor is left`,
    play: async (host) => {
      const before = endedOn(await host.pageSince(performance.now()));
      const lives: Figures[] = [];
      await withDescriptors(host, 1, async () => {
        for (let made = 0; made < SHORT_LIVED; made += 1) {
          const tap = await WatchedTap.make(host.lab, 'faultshort', RING, [host.sender, host.reader]);
          await tap.burst(BURST);
          await tap.drain();
          lives.push(tap.truth());
          await tap.close();
        }
        await wait(LASTS_MS);
      });
      host.over();
      let ended: Figures | undefined;
      const isCounted = async (): Promise<boolean> => {
        ended = since(before, endedOn(await host.page()));
        return distance(ended, together(lives)) === 0;
      };
      await soon('all are among those that ended, with each packet', isCounted).catch((error: Error) => {
        throw new Error(`${error.message} ${JSON.stringify({ ended, truth: together(lives) })}`);
      });
    },
  },
  {
    name: 'the process that serves is killed while no descriptor is left, under load',
    isFresh: true,
    says: /cannot be started \([^\n]*too many open files[^\n]*\); next try in 1 s/i,
    play: async (host) => {
      await host.loaded.load();
      await withDescriptors(host, 1, async () => {
        process.kill(servingOf(host), 'SIGKILL');
        await wait(LASTS_MS);
      });
      host.over();
      await soon('another process serves', () => host.agent.servingPid() !== undefined);
    },
  },
];
