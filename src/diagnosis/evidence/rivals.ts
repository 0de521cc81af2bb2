// SPDX-License-Identifier: Apache-2.0
// Processes that had the CPU while a reader waited for it.

import { guestOf } from '../../snapshot/owner.ts';
import type { Rival } from '../../snapshot/queue.ts';
import { percent } from '../format.ts';
import type { QueueSpan } from '../window.ts';

/** One sample in a hundred is nothing to act on, and few samples name a process by chance. */
const WORTH_TELLING = 0.1;
const FEWEST_SAMPLES = 10;
const MOST_NAMED = 2;

/** 'while it waited, ffmpeg (pid 4711, unit transcode.service) had its CPU in 61 % of the samples' */
export function rivalEvidence({ before, now }: QueueSpan): string | undefined {
  const samples = (now.reader?.waitingLooks ?? 0) - (before.reader?.waitingLooks ?? 0);
  if (samples < FEWEST_SAMPLES) return undefined;
  const earlier = new Map(before.reader?.rivals?.map((rival) => [rival.pid, rival.looks]));
  const told = (now.reader?.rivals ?? [])
    .map((rival) => ({ rival, share: (rival.looks - (earlier.get(rival.pid) ?? 0)) / samples }))
    .filter(({ share }) => share >= WORTH_TELLING)
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_NAMED)
    .map(({ rival, share }) => `${rivalName(rival)} in ${percent(Math.min(1, share))}`);
  return told.length === 0 ? undefined : `had its CPU while it waited, of ${samples} samples: ${told.join(', ')}`;
}

function rivalName({ pid, comm, identity }: Rival): string {
  const name = guestOf(identity) ?? (identity?.unit && ['unit', identity.unit]);
  return `${comm} (pid ${pid}${name ? `, ${name.join(' ')}` : ''})`;
}
