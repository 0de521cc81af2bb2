// SPDX-License-Identifier: Apache-2.0
// Needs: chromium.
// The live page on made-up hosts, in a real browser: how it fits, what is folded, what is copied, and what a thousand queues cost it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Page } from 'playwright-core';
import { slowness } from '../../test/host/slowness.ts';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import { servePageHost, tapsOf } from '../../test/page/page-host.ts';

const LIVE = { hasText: /^CRITICAL: / };
/** Between two pictures of a screen of 60 Hz. */
const FRAME_MS = 16;
const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');

function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

test('no width makes the page scroll sideways, and on a phone a queue is a card', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const browser = await launchBrowser(t);
  for (const width of [320, 390, 768, 1024, 1440]) {
    const { page, complaints } = await openPage(browser, host.url, width);
    await page.locator('#answer', LIVE).waitFor();
    await page.locator('.is-losing').first().waitFor();
    assert.equal(await page.locator('kbd').first().isVisible(), width > 390, 'a phone has no keys');
    assert.ok((await sideways(page)) <= 0, `${width} px: the list`);
    await page.locator('.is-losing td a').first().click();
    await page.locator('.chart canvas').first().waitFor();
    assert.match((await page.locator('.oldest').textContent()) ?? '', /^Nothing before [\d:]{8}\.$/);
    assert.ok((await sideways(page)) <= 0, `${width} px: a queue`);
    assert.deepEqual(complaints, []);
    await page.close();
  }
});

/** Texts of the table that are cut with '…'. */
function cutTexts(page: Page): Promise<readonly string[]> {
  return page.evaluate(() =>
    [
      ...document.querySelectorAll<HTMLElement>(
        '#queues th, #queues th span, #queues td, #queues td span, #queues td a',
      ),
    ]
      .filter((one) => one.offsetParent !== null && one.scrollWidth > one.clientWidth && one.clientWidth > 0)
      .map((one) => one.textContent ?? ''),
  );
}

test('at 1440 px no text of the table is cut; where columns are hidden a sentence names them', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const browser = await launchBrowser(t);
  const hidden = {
    1440: '',
    1024: 'stopped, wait, from guest, lost before, reader',
    390: 'trend, stopped, wait, from guest, lost before, reader',
  };
  for (const [width, names] of Object.entries(hidden)) {
    const { page } = await openPage(browser, host.url, Number(width));
    await page.locator('.is-losing').first().waitFor();
    const told = await page.locator('#queues .hidden').textContent();
    assert.equal(told, names === '' ? '' : `Too narrow here for ${names}: choose a queue to see them.`);
    if (width === '1440') assert.deepEqual(await cutTexts(page), []);
    const reader = await page.locator('.is-losing .c-reader span').first().getAttribute('title');
    assert.equal(reader, 'qemu-system-x86');
    await page.close();
  }
});

test('a trend begins with what the agent remembers, and its width is two minutes', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const { page } = await openPage(await launchBrowser(t), host.url);
  const path = page.locator('.is-losing .spark-lost').first();
  await page.waitForFunction(() => document.querySelector('.is-losing .spark-lost')?.getAttribute('d'));
  const left = Number(/^M([\d.]+) /.exec((await path.getAttribute('d')) ?? '')?.[1]);
  // The host is 90 s old, and some more by now. What is older than some seconds its history has in steps of ten, and the first has nothing before it.
  assert.ok(left > 0 && left <= 42, `begins at ${left} of 120`);
  const totals = await page.locator('.totals .spark-lost').nth(1).getAttribute('d');
  assert.ok(Number(/^M([\d.]+) /.exec(totals ?? '')?.[1]) <= 42, totals ?? '');
});

test('on a phone each chart has its times', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const browser = await launchBrowser(t);
  const heights = async (width: number): Promise<readonly number[]> => {
    const { page } = await openPage(browser, `${host.url}#/queue/1/tap6/0`, width);
    await page.locator('.chart canvas').nth(2).waitFor();
    const all = await page.locator('.chart .uplot').evaluateAll((plots) => plots.map((one) => one.clientHeight));
    await page.close();
    return all;
  };
  assert.equal(new Set(await heights(390)).size, 1, 'as high as the one with times');
  assert.equal(new Set(await heights(1440)).size, 2, 'the last alone has them');
});

test('equal findings are one line with a count, which opens; the search finds queues and findings', async (t) => {
  const host = await servePageHost(t, tapsOf(40));
  const { page, complaints } = await openPage(await launchBrowser(t), host.url);
  const fold = page.locator('.fold', { hasText: 'No reader' });
  await fold.waitFor();
  await fold.locator('.word', { hasText: /^info × \d+$/ }).waitFor();
  await page
    .locator('.title', { hasText: /^No reader$/ })
    .nth(1)
    .waitFor({ state: 'detached' });
  await fold.locator('summary').first().click();
  // A browser tells the page of an opened line later, by an event.
  await fold.locator('.cards .finding').nth(4).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('openvpn');
  await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
  await page.locator('tbody tr').waitFor();
  await page.locator('.fold').first().waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
});

test('a command is copied by a button, and the button says so', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const browser = await launchBrowser(t);
  const { page } = await openPage(browser, host.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(host.url).origin });
  const command = page.locator('.finding[open] .command').first();
  await command.locator('.copy').click();
  await command.locator('.copy', { hasText: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await command.locator('pre').textContent());
});

test('a remedy is told as by diagnose: the command, then what it does', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const { page } = await openPage(await launchBrowser(t), host.url);
  const todo = page.locator('.finding[open] .todo').first();
  await todo.locator('.command').first().waitFor();
  const kinds = await todo.evaluate((box) => [...box.children].slice(0, 3).map((one) => one.className || one.tagName));
  assert.deepEqual(kinds, ['H3', 'command', 'effect']);
  assert.match((await todo.locator('h3').first().textContent()) ?? '', /^(?:Do|Look)$/);
});

test('an address may name the owner of a device, and is answered where it is no name at all', async (t) => {
  const taps = tapsOf(12);
  const vm = 'büro/100 % of web';
  const host = await servePageHost(t, [{ ...taps[6], vm }, ...taps.slice(1)]);
  const { page, complaints } = await openPage(await launchBrowser(t), host.url);
  await page.locator('#answer', LIVE).waitFor();
  const netns = /queue\/(\d+)\//.exec((await page.locator('td a').first().getAttribute('href')) ?? '')?.[1];
  for (const [name, title] of [
    [encodeURIComponent(vm), 'tap0 queue 0'],
    ['tap1', 'tap1 queue 0'],
  ]) {
    await page.goto('about:blank');
    await page.goto(`${host.url}#/queue/${netns}/${name}/0`);
    await page.locator('h2', { hasText: title ?? '' }).waitFor();
    await page.locator('.chart canvas').first().waitFor();
  }
  await page.goto(`${host.url}#/queue/${netns}/%zz/0`);
  await page.locator('.is-losing').first().waitFor();
  assert.deepEqual(complaints, []);
});

test('a link keeps the moment: the page of then, with the way back', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const at = Math.floor(Date.now() / 1000) - 30;
  const { page, complaints } = await openPage(await launchBrowser(t), `${host.url}?at=${at}#/queue/1/tap6/0`);
  await page.locator('.chart canvas').first().waitFor();
  await page.locator('time.taken[datetime]').waitFor();
  await page.locator('#past', { hasText: /^You look at \d\d:\d\d:\d\d, [3-5]\d s ago/ }).waitFor();
  assert.equal(new Date((await page.locator('time.taken').getAttribute('datetime')) ?? '').getTime() / 1000, at);
  await page.locator('#past a', { hasText: 'Back to live' }).click();
  await page.locator('time.taken', { hasText: /^Live/ }).waitFor();
  assert.equal(await page.locator('.subject h2').textContent(), 'tap6 queue 0');
  await page.goto(`${host.url}?at=${at - 7200}`);
  await page.locator('#answer', { hasText: / cannot be shown\. / }).waitFor();
  assert.equal(complaints.filter((one) => !one.includes('400') && !one.includes('404')).length, 0, complaints.join());
});

test('a thousand queues: the rows in sight alone, every one within reach, and no picture is late', async (t) => {
  const host = await servePageHost(t, tapsOf(1000));
  const { page, complaints } = await openPage(await launchBrowser(t), host.url);
  await page.locator('#queues [aria-rowcount="1001"]').waitFor();
  const rows = await page.locator('tbody tr').count();
  assert.ok(rows < 80, `${rows} rows`);
  // The worst first.
  await page.locator('tbody tr:first-child .c-state', { hasText: /^losing$/ }).waitFor();
  const frames = await scrollThrough(page);
  const median = frames[Math.floor(frames.length / 2)] ?? Number.NaN;
  const words = `${median.toFixed(1)} ms at the median, ${frames.at(-1)?.toFixed(1)} ms at most`;
  t.diagnostic(`${rows} rows; ${frames.length} steps of scrolling, of the browser's main thread ${words}`);
  assert.ok(median <= FRAME_MS * (await slowness()), words);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.locator('tr[aria-rowindex="1001"]').waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator('tr[aria-rowindex="2"] a').focus();
  for (let presses = 0; presses < 30; presses += 1) await page.keyboard.press('ArrowDown');
  const place = await page.evaluate(() => document.activeElement?.closest('tr')?.ariaRowIndex);
  assert.ok(Number(place) >= 30, `down to row ${place} by keyboard`);
  assert.deepEqual(complaints, []);
});

/** Milliseconds of the main thread that each step of 100 pixels, which is one of a wheel, took it: script, style, layout and paint, what came live meanwhile too. Sorted. */
async function scrollThrough(page: Page): Promise<readonly number[]> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  const spent = async (): Promise<number> => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const taken: number[] = [];
  for (let step = 0; step < 150; step += 1) {
    const before = await spent();
    await page.evaluate(async () => {
      scrollBy(0, 100);
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
    });
    taken.push((await spent()) - before);
  }
  return taken.sort((a, b) => a - b);
}

test('axe finds no fault, light and dark', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const { page } = await openPage(await launchBrowser(t), host.url);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const fragment of ['#/', '#/queue/1/tap6/0']) {
      await page.goto(`${host.url}${fragment}`);
      await page.locator('.finding').first().waitFor();
      await page.evaluate(AXE);
      const faults = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + nodes.map(({ target }) => target)))',
      );
      assert.deepEqual(faults, [], `${colorScheme} ${fragment}`);
    }
  }
});
