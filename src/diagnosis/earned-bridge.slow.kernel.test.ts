// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, ebtables, iptables, nftables.
// Conntrack and the bridge's own firewall drop what is on its way to a tap: the answer names the firewall, never "OK".
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { answerTo, type Scene, said, scene } from '../../test/agent/on-call.ts';
import { bridgeToVeth } from '../../test/host/bridge.ts';
import { noLab } from '../../test/host/netns.ts';

/** Sends lumps for as long as the test runs. */
async function sends({ lab }: Scene, lump: () => Promise<unknown>): Promise<void> {
  let over = false;
  const sent = (async () => {
    while (!over) {
      await lump();
      await wait(100);
    }
  })();
  lab.after(async () => {
    over = true;
    await sent;
  });
}

async function assertFirewall(one: Scene): Promise<void> {
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'host-firewall'], `${said(findings)}`);
}

test('conntrack: what belongs to no connection is dropped', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  // A rule on its state loads conntrack; "untracked" is what no connection is looked up for.
  await one.lab.exec(
    'nft',
    'add table ip f; add chain ip f r { type filter hook output priority raw; }; add rule ip f r meta l4proto udp notrack; ' +
      'add chain ip f c { type filter hook output priority 0; }; add rule ip f c ct state { invalid, untracked } drop',
  );
  const sender = await one.lab.testReader();
  await sends(one, () => sender.udp('10.77.0.2', 9, 30, 64).catch(() => undefined)); // send() says EPERM
  await assertFirewall(one);
});

/** Frames come in by ve0 to a bridge that floods them to tap0, as soon as its port forwards. */
async function bridged(t: TestContext): Promise<Scene> {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await bridgeToVeth(one.lab, ['tap0']);
  await one.lab.forwards('tap0');
  return one;
}

/** `rule`: a command that adds it. */
async function assertDropped(t: TestContext, rule: readonly [string, ...string[]], unknown: string): Promise<void> {
  const one = await bridged(t);
  const added = await one.lab.exec(...rule).then(
    () => true,
    () => false,
  );
  if (!added) return t.skip(unknown);
  const sender = await one.lab.testReader();
  await sends(one, () => sender.packet('ve0', 30, 64));
  await assertFirewall(one);
}

for (const hook of ['forward', 'postrouting'])
  test(`nft drops in the bridge's ${hook} hook`, { skip: noLab }, (t) => {
    const chain = `add table bridge f; add chain bridge f c { type filter hook ${hook} priority 0; }`;
    const rule = `${chain}; add rule bridge f c oifname tap0 drop`;
    return assertDropped(t, ['nft', rule], 'this kernel has no nft for bridges (CONFIG_NF_TABLES_BRIDGE)');
  });

for (const [tool, option] of [
  ['ebtables-nft', 'CONFIG_NF_TABLES_BRIDGE'],
  ['ebtables-legacy', 'CONFIG_BRIDGE_NF_EBTABLES_LEGACY'],
] as const)
  for (const chain of ['FORWARD', 'POSTROUTING'])
    test(`${tool} drops in ${chain}`, { skip: noLab }, (t) => {
      const table = chain === 'FORWARD' ? 'filter' : 'nat';
      const rule = [tool, '-t', table, '-A', chain, '-o', 'tap0', '-j', 'DROP'] as const;
      return assertDropped(t, rule, `needs ${tool}, and a kernel with ${option}`);
    });
