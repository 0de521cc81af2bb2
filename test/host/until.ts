// SPDX-License-Identifier: Apache-2.0
// Waiting for what must come: in a VM a virtual CPU may stand still for longer than any fixed pause.
import { setTimeout as wait } from 'node:timers/promises';

const LIMIT_MS = 60_000;
const PERIOD_MS = 20;

/** Asks until it is so, a minute at most: what is asserted next says what there is instead. */
export async function until(isSo: () => boolean | Promise<boolean>, limitMs = LIMIT_MS): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo()) && performance.now() < deadline) await wait(PERIOD_MS);
}

/** Whether it goes well. */
export function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
