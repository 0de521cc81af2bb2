// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, chromium, pngquant, alone.
// Takes the pictures of the docs, of real faults on real taps: `UPDATE=1 npm test -- src/page/pictures`. The host of a thousand queues is made up.
import { execFile } from 'node:child_process';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { startAgent } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import { servePageHost, tapsOf } from '../../test/page/page-host.ts';
import { screenWith, terminalPicture } from '../../test/page/terminal-picture.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

const skip = process.env.UPDATE ? noLab : 'UPDATE=1 takes the pictures anew';
const TAPSCOPE = `${process.execPath} dist/src/main.js`;

/** A VM that hangs, VMs that are well, a VPN whose ring is too short for its bursts, and a tap that was left over. */
async function playHost(t: TestContext): Promise<NamespaceLab> {
  const lab = await namespaceLab(t, 'tenants');
  const qemu = (vm: string) => lab.testReaderNamed('/usr/bin/qemu-system-x86_64', '-name', `guest=${vm}`);
  let hung: TestReader | undefined;
  for (const [index, perSecond] of [700, 900, 350, 40].entries()) {
    const [vm, device] = [await qemu(`web${index + 1}`), `vnet${index}`];
    await vm.open(device, device, 'tap');
    await lab.raise(device, index === 0 ? 500 : 1000);
    await vm.readLoop(device, 0);
    await vm.stream(`s${index}`, device, perSecond, 200);
    if (index === 0) hung = vm;
  }
  const vpn = await lab.testReaderNamed('/usr/sbin/openvpn', '--config', 'office.conf');
  await vpn.open('tun7', 'tun7', 'tun');
  const office = await lab.raise('tun7', 20);
  await vpn.readLoop('tun7', 0);
  const sender = await lab.testReader();
  const bursts = setInterval(() => void sender.udp(office, 9, 60, 900).catch(() => undefined), 120);
  t.after(() => clearInterval(bursts));
  for (const device of ['vnet7', 'vnet8', 'vnet9']) {
    const idle = await qemu(`spare${device.slice(-1)}`);
    await idle.open(device, device, 'tap');
  }
  await wait(3000);
  await hung?.stop('vnet0');
  return lab;
}

/** Output of a command on a terminal of this size, where `keys` are typed after a while. */
function typed(command: string, size: string, keys: readonly string[] = []): Promise<string> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 2 ** 26, timeout: 120_000 };
    const args = ['-qefc', `stty ${size}; ${command}`, '/dev/null'];
    const child = execFile('script', args, options, (_, stdout) => resolve(stdout));
    keys.forEach((key, index) => void setTimeout(() => child.stdin?.write(key), 9000 + 2500 * index));
  });
}

async function pageAt(browser: Browser, url: string, width: number, path: string): Promise<void> {
  const { page } = await openPage(browser, url, width);
  await page.locator('.finding.critical').first().waitFor();
  await wait(1500);
  await page.screenshot({ path });
  await page.close();
}

test('the page and top', { skip }, async (t) => {
  const lab = await playHost(t);
  const agent = await startAgent(t, ['--device-include=^(vnet[0-9]|tun7)$']);
  const browser = await launchBrowser(t);
  await wait(40_000);
  const { page } = await openPage(browser, agent.url, 1440);
  await page.locator('.finding.critical').first().waitFor();
  await wait(1500);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `docs/page-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${agent.url}#/queue/${lab.inode}/vnet0/0`);
  await page.locator('.chart canvas').first().waitFor();
  await wait(30_000);
  await page.screenshot({ path: 'docs/page-queue.png', fullPage: true });
  await pageAt(browser, agent.url, 390, 'docs/page-phone.png');
  const top = `${TAPSCOPE} top --socket=${agent.socket} --netns tenants`;
  await terminalPicture(browser, screenWith('STATUS', await typed(top, 'cols 120 rows 14', ['q'])), 'docs/top.png');
  const detail = await typed(top, 'cols 120 rows 26', ['\r', 'q', 'q']);
  await terminalPicture(browser, screenWith('To the reader', detail), 'docs/top-detail.png');
});

test('a thousand queues', { skip }, async (t) => {
  const host = await servePageHost(t, tapsOf(1000));
  await pageAt(await launchBrowser(t), host.url, 1280, 'docs/page-thousand.png');
});

test('the demo', { skip }, async (t) => {
  const written = await typed(`${TAPSCOPE} demo --fault=reader-stalled`, 'cols 110 rows 60');
  await terminalPicture(await launchBrowser(t), written.trim(), 'docs/demo.png');
});
