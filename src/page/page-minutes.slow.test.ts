// SPDX-License-Identifier: Apache-2.0
// Needs: chromium.
// The page of a thousand queues for a minute: it does not grow, and each second's update takes as long as at the start. `MINUTES=5 npm test -- page-minutes` plays more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { CDPSession } from 'playwright-core';
import { slowness } from '../../test/host/slowness.ts';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import { servePageHost, tapsOf } from '../../test/page/page-host.ts';

const MINUTES = Number(process.env.MINUTES ?? 1);
/** A picture of a screen of 60 Hz. */
const FRAME_MS = 16;
/** Times as long as at the start: what grows with each update would be far more. */
const MOST_SLOWER = 1.5;
/** The browser's own, within the first minutes. */
const MOST_GROWTH_BYTES = 2 * 2 ** 20;
const UPDATES = 15;

interface Measured {
  readonly nodes: number;
  readonly bytes: number;
  /** CPU time of the main thread for one second's update: the median. */
  readonly updateMs: number;
}

async function measure(devtools: CDPSession): Promise<Measured> {
  const spent = async (): Promise<number> => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const taken: number[] = [];
  for (let updates = 0; updates < UPDATES; updates += 1) {
    const before = await spent();
    await wait(1000);
    taken.push((await spent()) - before);
  }
  // One collection finds garbage, the next frees it.
  for (let times = 0; times < 3; times += 1) {
    await devtools.send('HeapProfiler.collectGarbage');
    await wait(500);
  }
  const { nodes } = await devtools.send('Memory.getDOMCounters');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  return { nodes, bytes: usedSize, updateMs: taken.sort((a, b) => a - b)[Math.floor(UPDATES / 2)] ?? Number.NaN };
}

const textOf = ({ nodes, bytes, updateMs }: Measured): string =>
  `${nodes} nodes, ${(bytes / 2 ** 20).toFixed(1)} MB, ${updateMs.toFixed(1)} ms an update`;

test(`a thousand queues for ${MINUTES} minutes: memory and updates stay as they were`, {}, async (t) => {
  const host = await servePageHost(t, tapsOf(1000));
  const { page, complaints } = await openPage(await launchBrowser(t), host.url);
  await page.locator('#queues [aria-rowcount="1001"]').waitFor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  await wait(10_000);
  const begun = performance.now();
  const seen = [await measure(devtools)];
  while (performance.now() - begun < MINUTES * 60_000) {
    await wait(40_000);
    seen.push(await measure(devtools));
  }
  t.diagnostic(seen.map(textOf).join('; '));
  const [early = assert.fail(), late = assert.fail()] = [seen[0], seen.at(-1)];
  assert.ok(late.nodes <= 1.2 * early.nodes, `${textOf(early)}, then ${textOf(late)}`);
  assert.ok(late.bytes <= early.bytes + MOST_GROWTH_BYTES, `${textOf(early)}, then ${textOf(late)}`);
  // Beside other work a core does less in the same CPU time: the start was measured beside it, too.
  const most = Math.max(FRAME_MS * (await slowness()), MOST_SLOWER * early.updateMs);
  assert.ok(late.updateMs <= most, `${textOf(early)}, then ${textOf(late)}`);
  assert.deepEqual(complaints, []);
});
