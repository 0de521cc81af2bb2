// SPDX-License-Identifier: Apache-2.0
// Real taps of four queues each, spread over network namespaces, up and open, each held by a process of its namespace.
import { setTimeout as wait } from 'node:timers/promises';
import type { TestReader } from '../test-reader/test-reader.ts';
import { type NamespaceLab, namespaceLab } from './netns.ts';
import type { Scope } from './scope.ts';

export interface Taps {
  readonly taps: number;
  readonly namespaces: number;
  readonly queues: number;
  /** A packet a millisecond into the first tap, which its reader takes, until the function that is returned is called. */
  trickle(): Promise<() => Promise<unknown>>;
  /** Makes so many taps a second and deletes them again, ten times a second. */
  churn(perSecond: number, seconds: number): Promise<void>;
}

const QUEUES_OF_TAP = 4;
const PACKETS_PER_SECOND = 1000;
const ROUNDS_PER_SECOND = 10;
/** A group of devices, as `ip link set group` knows it. */
const GONE = 77;

interface Part {
  readonly lab: NamespaceLab;
  readonly testReader: TestReader;
}

export async function makeTaps(scope: Scope, queues: number, mostNamespaces = 64): Promise<Taps> {
  const taps = Math.ceil(queues / QUEUES_OF_TAP);
  const parts: Part[] = [];
  for (let count = Math.min(mostNamespaces, taps); count > 0; count -= 1) {
    const lab = await namespaceLab({ after: (undo) => scope.after(undo) });
    parts.push({ lab, testReader: await lab.testReader() });
  }
  for (let tap = 0; tap < taps; tap += 1) await openTap(partOf(parts, tap), `tap${tap}`);
  const { lab, testReader } = partOf(parts, 0);
  return {
    taps,
    namespaces: parts.length,
    queues: taps * QUEUES_OF_TAP,
    trickle: async () => {
      for (let queue = 0; queue < QUEUES_OF_TAP; queue += 1) await testReader.readLoop(`tap0-${queue}`, 0);
      await testReader.stream('sender', 'tap0', PACKETS_PER_SECOND, 60);
      return async () => {
        await testReader.unstream('sender');
        for (let queue = 0; queue < QUEUES_OF_TAP; queue += 1) await testReader.stop(`tap0-${queue}`);
      };
    },
    churn: async (perSecond, seconds) => {
      const together = perSecond / ROUNDS_PER_SECOND;
      for (let round = 0, due = performance.now(); round < seconds * ROUNDS_PER_SECOND; round += 1) {
        await wait(due - performance.now());
        due += 1000 / ROUNDS_PER_SECOND;
        const names = Array.from({ length: together }, (_, tap) => `gone${round * together + tap}`);
        await lab.ipBatch([
          ...names.flatMap((name) => [`tuntap add dev ${name} mode tap`, `link set dev ${name} up group ${GONE}`]),
          // One by one, each would wait until no CPU looks at it any more.
          `link del group ${GONE}`,
        ]);
      }
    },
  };
}

function partOf(parts: readonly Part[], tap: number): Part {
  const part = parts[tap % parts.length];
  if (!part) throw new Error('There is no network namespace.');
  return part;
}

async function openTap({ testReader }: Part, tap: string): Promise<void> {
  for (let queue = 0; queue < QUEUES_OF_TAP; queue += 1) await testReader.open(`${tap}-${queue}`, tap, 'tap', 'mq');
  await testReader.link(tap, 'up');
}
