// SPDX-License-Identifier: Apache-2.0
// Real taps of four queues each, spread over network namespaces, up and open, each held by a process of its namespace.

import type { Scope } from '../agent/shared-agent.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import type { Puppet } from '../traffic-reader/puppet.ts';

export interface Taps {
  readonly taps: number;
  readonly namespaces: number;
  readonly queues: number;
  /** A packet a millisecond into the first tap, which its reader takes, until the function that is returned is called. */
  trickle(): Promise<() => Promise<unknown>>;
  /** Makes so many taps and deletes them again, one after the other. */
  churn(taps: number): Promise<void>;
}

const QUEUES_OF_TAP = 4;
const MOST_NAMESPACES = 64;
const PACKETS_PER_SECOND = 1000;

interface Part {
  readonly lab: NamespaceLab;
  readonly puppet: Puppet;
}

export async function makeTaps(scope: Scope, queues: number): Promise<Taps> {
  const taps = Math.ceil(queues / QUEUES_OF_TAP);
  const parts: Part[] = [];
  for (let count = Math.min(MOST_NAMESPACES, taps); count > 0; count -= 1) {
    const lab = await namespaceLab({ after: (undo) => scope.after(undo) });
    parts.push({ lab, puppet: await lab.puppet() });
  }
  for (let tap = 0; tap < taps; tap += 1) await openTap(partOf(parts, tap), `tap${tap}`);
  const { lab, puppet } = partOf(parts, 0);
  return {
    taps,
    namespaces: parts.length,
    queues: taps * QUEUES_OF_TAP,
    trickle: async () => {
      for (let queue = 0; queue < QUEUES_OF_TAP; queue += 1) await puppet.readLoop(`tap0-${queue}`, 0);
      await puppet.stream('sender', 'tap0', PACKETS_PER_SECOND, 60);
      return async () => {
        await puppet.unstream('sender');
        for (let queue = 0; queue < QUEUES_OF_TAP; queue += 1) await puppet.stop(`tap0-${queue}`);
      };
    },
    churn: async (count) => {
      for (let tap = 0; tap < count; tap += 1)
        await lab.ipBatch([
          `tuntap add dev gone${tap} mode tap`,
          `link set dev gone${tap} up`,
          `link del dev gone${tap}`,
        ]);
    },
  };
}

function partOf(parts: readonly Part[], tap: number): Part {
  const part = parts[tap % parts.length];
  if (!part) throw new Error('There is no network namespace.');
  return part;
}

async function openTap({ puppet }: Part, tap: string): Promise<void> {
  for (let queue = 0; queue < QUEUES_OF_TAP; queue += 1) await puppet.open(`${tap}-${queue}`, tap, 'tap', 'mq');
  await puppet.link(tap, 'up');
}
