// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, chromium, alone.
// The live page of the agent as built, in a real browser without a screen, on real taps.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

interface Scope {
  after(undo: () => Promise<void>): void;
}

const FIRST_CONTENT_MS = 1000;
/** Markup. */
const DEVICE = '<b>tap';

/** Sends until it is told to end, or its test reader is gone. */
function overflow(testReader: TestReader, peer: string): () => Promise<void> {
  let isOn = true;
  const send = async (): Promise<void> => {
    while (isOn) {
      await testReader.udp(peer, 9, 100, 64);
      await wait(100);
    }
  };
  const sent = send().catch(() => undefined);
  return () => {
    isOn = false;
    return sent;
  };
}

async function answerOf(page: Page): Promise<string> {
  return (await page.locator('#answer').textContent()) ?? '';
}

/** Runs in the browser: counts the announcements for screen readers within five seconds. */
async function announcements(): Promise<number> {
  let said = 0;
  const watch = new MutationObserver(() => {
    said += 1;
  });
  for (const region of document.querySelectorAll('[role=status]'))
    watch.observe(region, { childList: true, characterData: true, subtree: true });
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return said;
}

test('the finding first, a queue’s page by keyboard alone, no complaint of the browser', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', DEVICE, 'tap');
  const peer = await lab.raise(DEVICE, 10);
  const agent = await startAgent(t);
  const end = overflow(testReader, peer);
  const { page, complaints } = await openPage(await launchBrowser(t), agent.url);

  await page.locator('.finding.critical').first().waitFor();
  // The headline says it once: what is lost and where; the finding below says why.
  await until(async () => (await answerOf(page)).startsWith(`CRITICAL: ${DEVICE} needs action. `), 10_000);
  assert.match(await answerOf(page), new RegExp(`^CRITICAL: ${DEVICE} needs action\\. `));
  await page.locator('.finding.critical .cause', { hasText: ' lost ' }).first().waitFor();
  assert.equal(await page.locator('#answer b, .finding b, td b').count(), 0, 'a device’s name is no markup');
  await page.waitForFunction(() => document.title.startsWith('CRITICAL: tapscope'));
  assert.ok((await page.evaluate(announcements)) <= 1, 'an answer that stands is not announced anew with each figure');
  const painted = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  t.diagnostic(`first content after ${painted?.toFixed(0)} ms`);
  assert.ok(painted !== undefined && painted <= FIRST_CONTENT_MS, `first content after ${painted} ms`);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(ground, colorScheme === 'light' ? 'rgb(244, 246, 248)' : 'rgb(16, 19, 23)');
  }

  await page.keyboard.press('/');
  await page.keyboard.type('no such queue');
  await page.locator('tbody tr').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+A');
  await page.keyboard.type(DEVICE.toUpperCase());
  await page.locator('tbody tr').waitFor();
  // Past the heads of the columns, which sort, to the first device.
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement?.matches('td a'))) break;
  }
  await page.keyboard.press('Enter');
  await page.locator('.chart canvas').first().waitFor();
  await page.locator('.subject h2', { hasText: `${DEVICE} queue 0` }).waitFor();
  await page.locator('article .finding').first().waitFor();
  await page.locator('.chart').nth(2).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#queues').waitFor();
  // Back where one came from.
  await page.waitForFunction(() => document.activeElement?.matches('[href^="#/queue/"]'));
  await page.locator('.skip').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  // Past the findings.
  await page.waitForFunction(() => document.activeElement?.closest('#queues'));
  assert.deepEqual(complaints, []);

  await end();
  await agent.stop();
  await page.locator('#answer.unknown', { hasText: /^The agent has said nothing for \d+ s/ }).waitFor();
  await page.waitForFunction(() => document.title.startsWith('UNKNOWN: tapscope'));
});

/** A proxy before the agent. */
async function startProxy(t: Scope, url: string): Promise<{ url: string; lose(): void; find(): void }> {
  let isFound = true;
  const server = createServer((request, reply) => {
    const pass = (answer: IncomingMessage): void => {
      reply.writeHead(answer.statusCode ?? 0, answer.headers);
      pipeline(answer, reply, () => undefined);
    };
    if (isFound) get(url + request.url, pass).once('error', () => reply.destroy());
    else reply.writeHead(502).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const lose = (): void => {
    isFound = false;
    server.closeAllConnections();
  };
  t.after(async () => {
    lose();
    server.close();
  });
  const find = (): void => {
    isFound = true;
  };
  return { url: `http://127.0.0.1:${address.port}`, lose, find };
}

const ANSWERED = { hasText: /^(OK|WARNING|CRITICAL|UNKNOWN): / };
const REFUSED = { hasText: /^The agent does not run, or refuses this live view; it is asked again every 5 s\.$/ };

test('a live view that is refused says so, and is there again when it may be', { skip: noLab }, async (t) => {
  const agent = await startAgent(t);
  const proxy = await startProxy(t, agent.url);
  const browser = await launchBrowser(t);
  const view = (): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => get(`${agent.url}/api/v1/live`, { agent: false }, resolve).once('error', reject));
  const others = await Promise.all(Array.from({ length: 10 }, view));
  const { page } = await openPage(browser, proxy.url);
  const shows = (filter: { hasText: RegExp }): Promise<void> => page.locator('#answer', filter).waitFor();
  await shows(REFUSED);
  for (const other of others) other.destroy();
  await shows(ANSWERED);
  proxy.lose();
  await shows(REFUSED);
  // An old OK is not green.
  await page.locator('#answer.unknown').waitFor();
  proxy.find();
  await shows(ANSWERED);
});
