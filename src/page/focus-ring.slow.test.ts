// SPDX-License-Identifier: Apache-2.0
// Needs: chromium.
// Keyboard users see which element has the focus: every stop of Tab has a ring that stands out from what is around it and that nothing cuts off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import { servePageHost, tapsOf } from '../../test/page/page-host.ts';

/** WCAG 2.2, 1.4.11: what shows the state of a control. */
const CONTRAST = 3;
const MOST_STOPS = 60;

interface Stop {
  readonly name: string;
  readonly style: string;
  readonly width: number;
  readonly contrast: number;
  /** The element that cuts the ring off, or ''. */
  readonly cutBy: string;
}

/** Runs in the page: the ring of the focused element; undefined: the focus left the page. */
function ringOfFocus(): Stop | undefined {
  const focused = document.activeElement;
  if (focused === null || focused === document.body) return undefined;
  const numbers = (color: string): readonly number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = numbers(color).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ancestors: Element[] = [];
  for (let one = focused.parentElement; one !== null; one = one.parentElement) ancestors.push(one);
  const backgrounds = ancestors.map((one) => getComputedStyle(one).backgroundColor);
  const ground = backgrounds.find((color) => (numbers(color)[3] ?? 1) > 0) ?? 'rgb(255, 255, 255)';
  const { outlineColor, outlineOffset, outlineStyle, outlineWidth } = getComputedStyle(focused);
  const [light = 0, dark = 0] = [luminance(outlineColor), luminance(ground)].sort((a, b) => b - a);
  const reach = Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset);
  const box = focused.getBoundingClientRect();
  const cutter = ancestors.find((one) => {
    if (getComputedStyle(one).overflow === 'visible' || one === document.documentElement) return false;
    const around = one.getBoundingClientRect();
    return (
      box.left - reach < around.left - 0.5 ||
      box.top - reach < around.top - 0.5 ||
      box.right + reach > around.right + 0.5 ||
      box.bottom + reach > around.bottom + 0.5
    );
  });
  return {
    name: `${focused.tagName.toLowerCase()}${focused.id && `#${focused.id}`}.${focused.className} ${focused.textContent?.trim().slice(0, 30)}`,
    style: outlineStyle,
    width: Number.parseFloat(outlineWidth),
    contrast: (light + 0.05) / (dark + 0.05),
    cutBy: cutter === undefined ? '' : `${cutter.tagName.toLowerCase()}.${cutter.className}`,
  };
}

test('each stop of Tab has a ring that can be seen, light and dark', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const { page } = await openPage(await launchBrowser(t), host.url);
  // esbuild wraps each function that has a name.
  await page.evaluate('globalThis.__name = (named) => named');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // A change of the fragment alone loads nothing: the page of before is there until the next is drawn.
    for (const [fragment, drawn] of Object.entries({ '#/': '#queues', '#/queue/1/tap6/0': '.subject h2' })) {
      await page.goto(`${host.url}${fragment}`);
      await page.locator(drawn).waitFor();
      await page.locator('.finding').first().waitFor();
      const stops: Stop[] = [];
      for (let presses = 0; presses < MOST_STOPS; presses += 1) {
        await page.keyboard.press('Tab');
        const stop = await page.evaluate(ringOfFocus);
        if (stop === undefined) break;
        stops.push(stop);
      }
      t.diagnostic(`${colorScheme} ${fragment}: ${stops.length} stops`);
      assert.ok(stops.length > 8, fragment);
      const unseen = stops.filter(
        ({ style, width, contrast, cutBy }) => style === 'none' || width < 2 || contrast < CONTRAST || cutBy !== '',
      );
      assert.deepEqual(unseen, [], `${colorScheme} ${fragment}`);
    }
  }
});

test('the ring of a queue’s heading, which has the focus as its page opens, leaves the owner below it readable', async (t) => {
  const host = await servePageHost(t, tapsOf(12));
  const { page } = await openPage(await launchBrowser(t), host.url);
  await page.locator('#queues').waitFor();
  await page.keyboard.press('Tab'); // rings are shown to those who use the keyboard
  await page.goto(`${host.url}#/queue/1/tap6/0`);
  await page.locator('.subject .owner', { hasText: 'web6' }).waitFor();
  const { name, reach, heading, owner } = await page.evaluate(() => {
    const focused = document.activeElement ?? document.body;
    const { outlineOffset, outlineWidth } = getComputedStyle(focused);
    const below = document.querySelector('.subject .owner');
    return {
      name: focused.tagName,
      reach: Number.parseFloat(outlineWidth) + Number.parseFloat(outlineOffset),
      heading: focused.getBoundingClientRect().bottom,
      owner: below?.getBoundingClientRect().top ?? 0,
    };
  });
  assert.equal(name, 'H2');
  assert.ok(reach >= 4 && heading + reach <= owner, `ring down to ${heading + reach}, owner from ${owner}`);
});
