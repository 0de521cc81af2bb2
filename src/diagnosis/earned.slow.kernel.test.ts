// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, patience, nftables.
// The operator asks about one device while its packets are lost on this host: the answer is the cause, and never "OK".
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { answerTo, type Scene, said, scene, type, watch } from '../../test/agent/on-call.ts';
import { noLab } from '../../test/host/netns.ts';
import { judge } from './judge.ts';
import { statusOf } from './status.ts';

/** Sends to an address behind tap0 through the host's own stack, for as long as the test runs. */
async function sends({ lab }: Scene, perLump: number, to = '10.77.0.2'): Promise<void> {
  const sender = await lab.testReader();
  let over = false;
  const sent = (async () => {
    while (!over) {
      await sender.udp(to, 9, perLump, 64).catch(() => undefined); // refused: there is no route
      await wait(100);
    }
  })();
  lab.after(async () => {
    over = true;
    await sent;
  });
}

async function firewall({ lab }: Scene, hook: string, rule: string): Promise<void> {
  const chain = `{ type filter hook ${hook} priority 0; }`;
  await lab.exec('nft', `add table ip f; add chain ip f c ${chain}; add rule ip f c ${rule}`);
}

for (const [rule, what] of [
  ['meta l4proto udp drop', 'all'],
  ['meta l4proto udp numgen inc mod 2 0 drop', 'half'],
])
  test(`the firewall drops ${what} in OUTPUT`, { skip: noLab }, async (t) => {
    const one = await scene(t, 1000);
    await one.reader.readLoop('a', 0);
    await firewall(one, 'output', rule ?? '');
    await sends(one, 30);
    const { answer, findings } = await answerTo(one);
    assert.deepEqual([answer, findings[0]?.rule], ['warning', 'host-firewall'], `${said(findings)}`);
    assert.match(await type(one, findings[0]?.remedies[0]?.command), /udp.*drop/);
  });

test('the firewall drops four pings', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await firewall(one, 'postrouting', 'drop');
  const asked = answerTo(one);
  await wait(1500); // it has begun to watch
  await (await one.lab.testReader()).udp('10.77.0.2', 9, 4, 64);
  const { answer, findings } = await asked;
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'host-firewall'], `${said(findings)}`);
});

test('the device is down: what is advised ends it', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await sends(one, 10);
  await one.lab.ip('link set dev tap0 down');
  const { answer, findings } = await answerTo(one, 'tap0', 3);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'device-down'], `${said(findings)}`);
  await type(one, findings[0]?.remedies[0]?.command);
  await one.lab.ip('neigh replace 10.77.0.2 lladdr 02:00:00:00:00:01 dev tap0 nud permanent');
  const after = await answerTo(one, 'tap0', 3);
  assert.equal(after.answer, 'ok', `${said(after.findings)}`);
});

for (const mode of ['native', 'generic'] as const)
  test(`XDP drops what the guest sends (${mode})`, { skip: noLab }, async (t) => {
    const one = await scene(t, 1000);
    await one.reader.readLoop('a', 0);
    await (await one.lab.testReader()).xdp('tap0', 'drop', ...(mode === 'generic' ? (['generic'] as const) : []));
    const asked = answerTo(one);
    await wait(1000);
    await one.reader.write('a', 50, 100);
    const { answer, findings } = await asked;
    assert.deepEqual([answer, findings[0]?.rule], ['warning', 'xdp-drop'], `${said(findings)}`);
    assert.match(findings[0]?.remedies[0]?.command ?? '', /^bpftool prog show id \d+$/);
  });

test('XDP dropped what the guest sent, and is gone: the host is not OK, nor is the device', {
  skip: noLab,
}, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  const program = await one.lab.testReader();
  await program.xdp('tap0', 'drop');
  const watched = watch(one);
  await wait(1000);
  await one.reader.write('a', 50, 100);
  await program.quit();
  const window = await watched;
  const asked = window.devices.find(({ now }) => now.netns === one.lab.inode);
  for (const device of [undefined, asked]) {
    const own = judge(window, device).findings.filter(({ netns, device: name }) => netns === one.lab.inode && name);
    assert.equal(statusOf({ findings: own, unjudged: [] }), 'unknown', `${said(own)}`);
    assert.match(own[0]?.cause ?? '', /^tap0: the kernel’s rx_dropped grew by 50 and no probe saw why/);
    assert.match(await type(one, own[0]?.remedies[0]?.command), /dropped/);
  }
});

test('a guest that does not answer ARP', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await sends(one, 3, '10.77.0.11'); // each is freed after three questions, one a second
  const { answer, findings } = await answerTo(one, 'tap0', 8);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'neighbour-failed'], `${said(findings)}`);
});

test('a few packets that the ring has no room for: not OK', { skip: noLab }, async (t) => {
  const one = await scene(t, 4);
  const asked = answerTo(one);
  await wait(1000);
  await (await one.lab.testReader()).packet('tap0', 20, 64);
  const { answer, findings } = await asked;
  assert.notEqual(answer, 'ok', `${said(findings)}`);
});

test('nothing is lost: OK, and what to look at next', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await sends(one, 30);
  const { answer, findings } = await answerTo(one);
  assert.equal(answer, 'ok', `${said(findings)}`);
});
