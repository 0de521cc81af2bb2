// SPDX-License-Identifier: Apache-2.0
// Concurrent scrapes share one snapshot, but never one that was begun before they asked.

/** `Shot`: a snapshot with what is made of it. */
export function shareSnapshots<Shot>(takeSnapshot: () => Promise<Shot>): () => Promise<Shot> {
  let running: Promise<Shot> | undefined;
  let next: Promise<Shot> | undefined;

  async function take(): Promise<Shot> {
    try {
      return await takeSnapshot();
    } finally {
      running = undefined;
    }
  }

  function start(): Promise<Shot> {
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
