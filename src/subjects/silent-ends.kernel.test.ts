// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Packets that a BPF program or a dummy device ends, and that are in no counter: who asks is not told OK, and with a program that lets them pass is.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { bridged, often, routed, SECONDS, streamTo } from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene } from '../../test/agent/on-call.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { macOf, noLab } from '../../test/host/netns.ts';

const skip = noLab;
const OK = /^ok; not-here$/;
const TO_FAR = datagram({ from: '10.71.0.2', to: '10.99.0.2', port: 9 });
/** Classic BPF that answers the same for each packet: TC_ACT_OK or TC_ACT_STOLEN. */
const LETS_PASS = '1,6 0 0 0';
const STEALS = '1,6 0 0 4';

/** 'ok', or 'unknown' with the doubts. */
async function told(one: Scene): Promise<string> {
  const { answer, findings } = await answerTo(one, 'tap0', SECONDS);
  return [answer, ...findings.flatMap(({ rule, doubts = [] }) => [rule, ...doubts])].join('; ');
}

for (const mode of ['native', 'generic'] as const)
  test(`XDP where packets for the guest come in (${mode})`, { skip }, async (t) => {
    const one = await bridged(t);
    const how = mode === 'generic' ? (['generic'] as const) : [];
    const passing = await one.lab.testReader();
    await passing.xdp('ve1', 'pass', ...how);
    assert.match(await told(one), OK, 'nothing comes in');
    await streamTo(one, '10.90.0.2');
    assert.match(await told(one), OK, 'it lets them pass');
    await passing.quit();
    await one.reader.xdp('ve1', 'drop', ...how);
    // A generic program's drops are seen where the guest's address is known.
    assert.match(
      await told(one),
      /^(unknown; not-here; next to nothing reached it, and a BPF program \(XDP of ve1\)|warning; )/,
    );
  });

/** A tap whose guest sends to a namespace behind up0. */
async function sending(t: TestContext): Promise<Scene> {
  const one = await routed(t);
  const frame = ethernet(await macOf(one.lab, 'tap0'), TO_FAR);
  often(one, 100, () => one.reader.frame('a', 5, frame));
  return one;
}

test('a tc program at the ingress of the tap', { skip }, async (t) => {
  const one = await sending(t);
  const filter = (program: string): Promise<string> =>
    one.lab.tc('filter replace dev tap0 ingress handle 1 pref 1 bpf da bytecode', program);
  await one.lab.tc('qdisc add dev tap0 clsact');
  await filter(LETS_PASS);
  assert.match(await told(one), OK);
  await filter(STEALS);
  assert.match(
    await told(one),
    /^unknown; not-here; [\d ]+ packets from it did not leave the host and got no answer, and a BPF program \(tc ingress of tap0\)/,
  );
});

test('a tc program at the egress of the tap', { skip }, async (t) => {
  const one = await bridged(t);
  const filter = (program: string): Promise<string> =>
    one.lab.tc('filter replace dev tap0 egress handle 1 pref 1 bpf da bytecode', program);
  await streamTo(one, '10.90.0.2');
  await one.lab.tc('qdisc add dev tap0 clsact');
  await filter(LETS_PASS);
  assert.match(await told(one), OK);
  await filter(STEALS);
  assert.match(
    await told(one),
    /^unknown; not-here; next to nothing reached it, and a BPF program \(tc egress of tap0\)/,
  );
});

test('a route that leads to a dummy device', { skip }, async (t) => {
  const one = await sending(t);
  try {
    await one.lab.ip('link add dm0 type dummy');
  } catch {
    return t.skip('this kernel has no dummy devices');
  }
  await one.lab.ip('link set dm0 up');
  assert.match(await told(one), OK, 'nothing leads there');
  await one.lab.ip('route add 10.99.0.2/32 dev dm0');
  assert.match(await told(one), /^unknown; not-here; [\d ]+ packets from it were sent on by dm0, a dummy device/);
});
