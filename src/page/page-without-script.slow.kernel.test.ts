// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, chromium, alone.
// The live page in a real browser whose JavaScript is off: of a real tap that loses packets, what is wrong and what to type.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { launchBrowser } from '../../test/page/browser.ts';

test('without JavaScript the findings and queues are text', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  await reader.open('0', 'vnet0', 'tap');
  const peer = await lab.raise('vnet0', 10);
  const agent = await startAgent(t);
  const flood = setInterval(() => void reader.udp(peer, 9, 100, 64).catch(() => undefined), 100);
  t.after(() => clearInterval(flood));
  const browser = await launchBrowser(t);
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 800 } });
  const page = await context.newPage();
  await until(async () => {
    await page.goto(agent.url);
    return (await page.locator('h2', { hasText: /^CRITICAL: vnet0 lost / }).count()) > 0;
  });
  assert.match((await page.locator('h2').first().textContent()) ?? '', /^CRITICAL: \d+ queues?, \d+ findings?$/);
  assert.match((await page.locator('pre').first().textContent()) ?? '', /\S/);
  assert.ok((await page.locator('li', { hasText: 'vnet0/0' }).count()) > 0);
  assert.equal(await page.locator('#answer').isVisible(), false);
  const folder = process.env.PICTURES;
  if (folder) await page.screenshot({ path: `${folder}/without-script.png` });
});
