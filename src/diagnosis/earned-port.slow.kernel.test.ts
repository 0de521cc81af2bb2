// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A tap's bridge forwards nothing to it, and no counter of the kernel shows it: the answer names the port, and what is advised ends it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { answerTo, type Scene, said, scene, type } from '../../test/agent/on-call.ts';
import { bridgeToVeth } from '../../test/host/bridge.ts';
import { noLab } from '../../test/host/netns.ts';

/** Frames come in by ve0 for as long as the test runs: broadcasts, or to an address that the bridge does not know. */
async function onBridge(t: Parameters<typeof scene>[0], { stp = 0, delay = 0, unicast = false } = {}): Promise<Scene> {
  const one = await scene(t, 1000);
  const { lab } = one;
  await one.reader.readLoop('a', 0);
  await bridgeToVeth(lab, ['tap0'], `mcast_snooping 0 forward_delay ${delay} stp_state ${stp}`);
  if (delay === 0) await lab.forwards('tap0');
  const sender = await lab.testReader();
  let over = false;
  const sent = (async () => {
    while (!over) {
      await sender.packet('ve0', 30, 64, { unicast });
      await wait(100);
    }
  })();
  lab.after(async () => {
    over = true;
    await sent;
  });
  return one;
}

const set = ({ lab }: Scene, device: string, ...setting: readonly string[]): Promise<string> =>
  lab.exec('bridge', 'link', 'set', 'dev', device, ...setting);

async function assertOk(one: Scene): Promise<void> {
  const { answer, findings } = await answerTo(one);
  assert.equal(answer, 'ok', `${said(findings)}`);
}

/** The port is named, and what is typed then ends the loss. */
async function assertNamed(one: Scene, cause: RegExp): Promise<void> {
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'bridge-port'], `${said(findings)}`);
  assert.match(findings[0]?.cause ?? '', cause);
  await type(one, findings[0]?.remedies[0]?.command);
  await assertOk(one);
}

test('control: a port that forwards is OK', { skip: noLab }, async (t) => assertOk(await onBridge(t)));

for (const [state, cause] of [
  ['0', /its port is disabled/],
  ['1', /its port is still listening/],
  ['2', /its port is still learning/],
] as const)
  test(`the port’s state is ${state}`, { skip: noLab }, async (t) => {
    const one = await onBridge(t);
    await set(one, 'tap0', 'state', state);
    await assertNamed(one, cause);
  });

test('the bridge filters VLANs, and the port does not allow that of the frames', { skip: noLab }, async (t) => {
  const one = await onBridge(t);
  const refused = await one.lab.ip('link set br0 type bridge vlan_filtering 1').then(() => '', String);
  if (/not supported/.test(refused)) return t.skip('this kernel is built without CONFIG_BRIDGE_VLAN_FILTERING');
  assert.equal(refused, '');
  await assertOk(one);
  await one.lab.exec('bridge', 'vlan', 'del', 'dev', 'tap0', 'vid', '1');
  await one.lab.exec('bridge', 'vlan', 'add', 'dev', 'tap0', 'vid', '10', 'pvid', 'untagged');
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['unknown', 'not-here'], `${said(findings)}`);
  assert.match(findings[0]?.doubts?.[0] ?? '', /^nothing reached it, and its bridge filters VLANs/);
  assert.match(await type(one, findings[0]?.remedies[0]?.command), /tap0\s+10 PVID/);
});

test('the bridge is down', { skip: noLab }, async (t) => {
  const one = await onBridge(t);
  await one.lab.ip('link set br0 down');
  await assertNamed(one, /br0 is down/);
});

test('the spanning tree has just begun', { skip: noLab }, async (t) => {
  const { answer, findings } = await answerTo(await onBridge(t, { stp: 1, delay: 1500 }));
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'bridge-port'], `${said(findings)}`);
  assert.match(findings[0]?.cause ?? '', /its port is still (listening|learning), which ends by itself/);
  assert.match(findings[0]?.remedies[0]?.command ?? '', /bridge -d link show dev tap0$/);
});

test('isolated beside the port that the packets come in by', { skip: noLab }, async (t) => {
  const one = await onBridge(t);
  await set(one, 'tap0', 'isolated', 'on');
  await assertOk(one); // it alone
  await set(one, 've1', 'isolated', 'on');
  await assertNamed(one, /1 of its ports: they are isolated/);
});

test('no flooding, and the bridge does not know the address', { skip: noLab }, async (t) => {
  const one = await onBridge(t, { unicast: true });
  await assertOk(one);
  await set(one, 'tap0', 'flood', 'off', 'learning', 'off');
  await assertNamed(one, /its port does not flood/);
});
