// SPDX-License-Identifier: Apache-2.0
// What all queues of a host lose, and of how many packets. A share is of packets that were counted alike: where a level or a kernel does not
// tell what each queue was offered, their device does.
import type { QueueRate } from './queue-rates.ts';

/** Packets a second; undefined: not measured. */
export interface Totals {
  readonly lost: number | undefined;
  /** undefined too where a queue that loses packets is not told what it was offered, and neither is its device. */
  readonly offered: number | undefined;
}

/** At the queue, or of a device without a queue, before it. */
export function lostOf({ queue, dropped, lostBefore }: QueueRate): number | undefined {
  return dropped ?? (queue === undefined ? lostBefore : undefined);
}

export function totalsOf(rates: readonly QueueRate[], lossOf = lostOf): Totals {
  const known = rates.filter((rate) => lossOf(rate) !== undefined);
  const devices = new Map<string, QueueRate[]>();
  for (const rate of known) {
    const key = `${rate.netns}/${rate.device}`;
    const queues = devices.get(key);
    if (queues) queues.push(rate);
    else devices.set(key, [rate]);
  }
  const offered = [...devices.values()].map(
    (queues) => sum(queues.map((one) => one.offered)) ?? queues[0]?.deviceOffered,
  );
  return { lost: sum(known.map(lossOf)), offered: sum(offered) };
}

/** undefined where one of them is. */
function sum(parts: readonly (number | undefined)[]): number | undefined {
  if (parts.length === 0) return undefined;
  return parts.reduce((all, part) => (all === undefined || part === undefined ? undefined : all + part), 0);
}
