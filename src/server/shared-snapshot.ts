// SPDX-License-Identifier: Apache-2.0
// Concurrent scrapes share one snapshot, but never one that was begun before they asked.
import type { Snapshot } from '../snapshot.ts';

export function shareSnapshots(takeSnapshot: () => Promise<Snapshot>): () => Promise<Snapshot> {
  let running: Promise<Snapshot> | undefined;
  let next: Promise<Snapshot> | undefined;

  async function take(): Promise<Snapshot> {
    try {
      return await takeSnapshot();
    } finally {
      running = undefined;
    }
  }

  function start(): Promise<Snapshot> {
    next = undefined;
    running = take();
    return running;
  }

  return () => {
    if (running === undefined) return start();
    next ??= running.then(start, start);
    return next;
  };
}
