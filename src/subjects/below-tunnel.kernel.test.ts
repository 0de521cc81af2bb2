// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables, alone.
// A tap on a bridge with a VXLAN device, and what ends its packets at the device below that: only what they carry says whose they are.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { fdb, GUEST, often, routed, SECONDS } from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene } from '../../test/agent/on-call.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { macOf, type NamespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';

const skip = noLab;
/** Before Linux 6.3 the kernel does not say where it frees what was used. */
const skipTaken = skip || (!isSince(6, 3) && 'what tc takes cannot be counted here');
const OK = /^ok; not-here$/;
/** Classic BPF: TC_ACT_STOLEN of each second packet, at random; TC_ACT_OK. */
const STEALS_HALF = '4,32 0 0 4294963256,69 0 1 1,6 0 0 4,6 0 0 0';
const LETS_PASS = '1,6 0 0 0';

type Tunnelled = Scene & { readonly far: NamespaceLab };

/** tap0 and vx0 are ports of br0; the other end of the tunnel is behind up0. */
async function tunnelled(t: TestContext): Promise<Tunnelled> {
  const one = await routed(t);
  const { lab, far } = one;
  const vxlan = (local: string, remote: string): string =>
    `link add vx0 type vxlan id 7 remote ${remote} local ${local} dstport 4789`;
  await lab.ipBatch([
    vxlan('10.99.0.1', '10.99.0.2'),
    'link add br0 type bridge mcast_snooping 0 forward_delay 0',
    'addr del 10.71.0.1/24 dev tap0',
    'link set tap0 master br0',
    'link set vx0 addrgenmode none master br0 up',
    'link set br0 addrgenmode none up',
  ]);
  await far.ipBatch([
    vxlan('10.99.0.2', '10.99.0.1'),
    'link set vx0 addrgenmode none up',
    'addr add 10.71.0.9/24 dev vx0',
    `neigh replace 10.71.0.2 lladdr ${GUEST} dev vx0 nud permanent`,
    `neigh replace 10.99.0.1 lladdr ${await macOf(lab, 'up0')} dev far0 nud permanent`,
  ]);
  await lab.forwards('tap0');
  await fdb(one, `${GUEST} dev tap0 master dynamic`);
  return one;
}

async function receiving(t: TestContext): Promise<Tunnelled> {
  const one = await tunnelled(t);
  const sender = await one.far.testReader();
  often(one, 50, () => sender.udp('10.71.0.2', 9, 5, 64));
  return one;
}

async function sending(t: TestContext): Promise<Tunnelled> {
  const one = await tunnelled(t);
  const frame = ethernet(await macOf(one.far, 'vx0'), datagram({ from: '10.71.0.2', to: '10.71.0.9', port: 9 }));
  often(one, 50, () => one.reader.frame('a', 5, frame));
  return one;
}

/** 'ok', or 'unknown' with the doubts. */
async function told(one: Scene): Promise<string> {
  const { answer, findings } = await answerTo(one, 'tap0', SECONDS);
  return [answer, ...findings.flatMap(({ rule, cause, doubts = [] }) => [rule, cause, ...doubts])]
    .join('; ')
    .replace(/; tap0 (lost no packet|shows no cause)[^;]*/, '');
}

test('the host’s firewall drops half of the tunnel’s packets that come in', { skip }, async (t) => {
  const one = await receiving(t);
  assert.match(await told(one), OK);
  const rules = 'add table inet f; add chain inet f c { type filter hook input priority 0; };';
  await one.lab.exec('nft', `${rules} add rule inet f c udp dport 4789 numgen random mod 2 0 drop`);
  assert.match(await told(one), /^warning; host-firewall; tap0: the host’s firewall dropped [\d ]+ of [\d ]+ packets/);
});

test('the tunnel is down here', { skip }, async (t) => {
  const one = await receiving(t);
  await one.lab.ip('link set vx0 down');
  assert.match(await told(one), /^warning; loss-unexplained; tap0 lost ([\d ]+) of \1 packets .*at up0 no program/);
});

for (const [hook, scenery] of [
  ['ingress', receiving],
  ['egress', sending],
] as const)
  test(`a tc program takes half at the ${hook} of the device below`, { skip: skipTaken }, async (t) => {
    const one = await scenery(t);
    await one.lab.tc('qdisc add dev up0 clsact');
    const filter = `filter replace dev up0 ${hook} handle 1 pref 1 bpf da bytecode`;
    await one.lab.tc(filter, LETS_PASS);
    assert.match(await told(one), OK);
    await one.lab.tc(filter, STEALS_HALF);
    assert.match(
      await told(one),
      new RegExp(
        `^unknown; not-here; [\\d ]+ packets (from|for) it were taken by a BPF program \\(tc ${hook} of up0\\)`,
      ),
    );
  });

test('tc redirects at the egress of the device below', { skip: skipTaken }, async (t) => {
  const one = await sending(t);
  await one.lab.ipBatch(['link add dd0 type veth peer name dd1', 'link set dd0 up', 'link set dd1 up']);
  await one.lab.tc('qdisc add dev up0 clsact');
  assert.match(await told(one), OK);
  await one.lab.tc('filter add dev up0 egress protocol ip u32 match u32 0 0 action mirred egress redirect dev dd0');
  assert.match(
    await told(one),
    /^unknown; not-here; [\d ]+ packets from it were taken by a tc filter that redirects them/,
  );
});
