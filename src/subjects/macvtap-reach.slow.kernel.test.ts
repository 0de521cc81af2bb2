// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// What the mode and the address of a macvtap do not carry is told to who asks; where the network or the host carries it, nothing is.
import test, { type TestContext } from 'node:test';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { assertTold, often } from '../../test/agent/asked-tap.ts';
import type { Scene } from '../../test/agent/on-call.ts';
import { arpRequest, datagram, ethernet, GUEST } from '../../test/host/frames.ts';
import { macOf, namespaceLab, noLab } from '../../test/host/netns.ts';

const skip = noLab;
const SIBLING = '02:00:00:00:00:0b';
const STALE = '02:00:00:00:00:0a';
const CLEAN = /^ok: not-here/;
const DOUBT = /^unknown: not-here/;

interface Made {
  readonly mode: string;
  readonly address?: string;
}

/** Two macvtaps on ve1, whose other end is the host's own ve0; in passthru one. undefined: this kernel has none. */
async function macvtaps(t: TestContext, { mode, address = GUEST }: Made): Promise<Scene | undefined> {
  const lab = await namespaceLab(t);
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up',
    'addr add 10.90.0.1/24 dev ve0',
    `neigh replace 10.90.0.2 lladdr ${GUEST} dev ve0 nud permanent`,
  ]);
  const made = [
    `link add link ve1 name vtap0 address ${address} type macvtap mode ${mode}`,
    ...(mode.startsWith('passthru')
      ? []
      : [`link add link ve1 name vtap1 address ${SIBLING} type macvtap mode ${mode}`]),
  ];
  try {
    await lab.ipBatch(made);
  } catch {
    t.skip('this kernel has no macvtap');
    return undefined;
  }
  const reader = await lab.testReader();
  for (const [at, queue] of ['a', 'b'].slice(0, made.length).entries()) {
    await lab.ip(`link set vtap${at} up`);
    await reader.open(queue, `vtap${at}`, 'macvtap');
    await reader.readLoop(queue, 0);
  }
  return { lab, reader, agent: await agentLab(t) };
}

/** From the guest of vtap0. */
function sends({ lab, reader }: Scene, frame: Buffer, count = 5): void {
  often({ lab }, 100, () => reader.frame('a', count, frame));
}

const TO_SIBLING = ethernet(SIBLING, datagram({ from: '10.90.0.2', to: '10.90.0.3', port: 9 }));

for (const [mode, asked, expected] of [
  ['private', 'vtap0', DOUBT],
  ['private', 'vtap1', DOUBT],
  ['vepa', 'vtap0', DOUBT],
  ['bridge', 'vtap0', CLEAN],
  ['bridge', 'vtap1', CLEAN],
] as const)
  test(`${mode}: two guests on one device, asked about ${asked}`, { skip }, async (t) => {
    const one = await macvtaps(t, { mode });
    if (!one) return;
    sends(one, TO_SIBLING);
    await assertTold(one, expected, asked);
  });

test('vepa, and the network sends them back', { skip }, async (t) => {
  const one = await macvtaps(t, { mode: 'vepa' });
  if (!one) return;
  await one.lab.ipBatch([
    'link add br0 type bridge forward_delay 0 mcast_snooping 0',
    'link set br0 up',
    'link set ve0 master br0',
    'link set ve0 type bridge_slave hairpin on',
  ]);
  sends(one, TO_SIBLING);
  for (const asked of ['vtap0', 'vtap1']) await assertTold(one, CLEAN, asked);
});

test('bridge: what is for the device below itself goes to the network', { skip }, async (t) => {
  const one = await macvtaps(t, { mode: 'bridge' });
  if (!one) return;
  sends(one, ethernet(await macOf(one.lab, 've1'), datagram({ from: '10.90.0.2', to: '10.90.0.9', port: 9 })));
  sends(one, TO_SIBLING);
  await assertTold(one, DOUBT, 'vtap0');
});

for (const [mode, address, expected] of [
  ['bridge', STALE, DOUBT],
  ['private', STALE, DOUBT],
  ['private', GUEST, CLEAN],
  ['passthru nopromisc', STALE, DOUBT],
  ['passthru', STALE, CLEAN],
] as const)
  test(`${mode}: the guest has ${address === GUEST ? 'the address of its device' : 'another address'}`, {
    skip,
  }, async (t) => {
    const one = await macvtaps(t, { mode, address });
    if (!one) return;
    const receiver = await one.lab.testReader();
    await receiver.bind(9, 8_000_000);
    often(one, 100, () => receiver.udp('10.90.0.2', 9, 5, 64));
    sends(one, ethernet(await macOf(one.lab, 've0'), datagram({ from: '10.90.0.2', to: '10.90.0.1', port: 9 })));
    await assertTold(one, expected, 'vtap0');
  });

for (const [address, expected] of [
  ['10.90.0.7', DOUBT],
  ['10.90.0.1', CLEAN],
] as const)
  test(`private: the guest asks for ${address}`, { skip }, async (t) => {
    const one = await macvtaps(t, { mode: 'private' });
    if (!one) return;
    sends(one, arpRequest('10.90.0.2', address), 1);
    await assertTold(one, expected, 'vtap0');
  });
