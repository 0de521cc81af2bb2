// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, wireguard-tools, alone.
// Packets that a BPF program or a dummy device ends, all or some, and that are in no counter: who asks is not told OK, and with a program that lets
// them pass is, or with one that is not on the way.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { bridged, GUEST, learned, often, routed, SECONDS, streamTo } from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene, scene } from '../../test/agent/on-call.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { macOf, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import { until } from '../../test/host/until.ts';

const skip = noLab;
const OK = /^ok; not-here$/;
const TO_FAR = datagram({ from: '10.71.0.2', to: '10.99.0.2', port: 9 });
/** Classic BPF that answers the same for each packet: TC_ACT_OK or TC_ACT_STOLEN. */
const LETS_PASS = '1,6 0 0 0';
const STEALS = '1,6 0 0 4';
/** The same of each second one, at random. */
const STEALS_HALF = '4,32 0 0 4294963256,69 0 1 1,6 0 0 4,6 0 0 0';

/** A tap on a bridge to whose guest others send. */
async function receiving(t: TestContext): Promise<Scene> {
  const one = await bridged(t);
  await learned(one);
  await streamTo(one, '10.90.0.2');
  return one;
}

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
    await assertTold(one, OK, 'nothing comes in');
    await streamTo(one, '10.90.0.2');
    await assertTold(one, OK, 'it lets them pass');
    await passing.quit();
    await one.reader.xdp('ve1', 'drop', ...how);
    // A generic program's drops are seen where the guest's address is known.
    await assertTold(one, /^(unknown; not-here; .*a BPF program \(XDP of ve1\)|warning; )/);
  });

/** A tap whose guest sends to a namespace behind up0. */
async function sending(t: TestContext): Promise<Awaited<ReturnType<typeof routed>>> {
  const one = await routed(t);
  const frame = ethernet(await macOf(one.lab, 'tap0'), TO_FAR);
  often(one, 100, () => one.reader.frame('a', 5, frame));
  return one;
}

async function assertTold(one: Scene, expected: RegExp, message?: string): Promise<void> {
  assert.match(await told(one), expected, message);
}

function filter({ lab }: Scene, device: string, hook: 'ingress' | 'egress', program: string): Promise<string> {
  return lab.tc(`filter replace dev ${device} ${hook} handle 1 pref 1 bpf da bytecode`, program);
}

/** Before Linux 6.3 the kernel does not say where it frees what was used: it may be of these, for nothing else comes of them. */
const COUNTS_TAKEN = isSince(6, 3);
const BY_TC = (place: string): RegExp =>
  new RegExp(
    COUNTS_TAKEN
      ? `^unknown; not-here; [\\d ]+ packets (from|for) it were taken by a BPF program \\(${place}\\), which no drop shows$`
      : `^unknown; not-here; .*a BPF program \\(${place}\\) may (have ended them|end packets for it), which no counter shows`,
  );

/** Where packets from it or for it pass tc. */
const PLACES = [
  ['the ingress of the tap', sending, 'tap0', 'ingress'],
  ['the egress of the tap', receiving, 'tap0', 'egress'],
  ['the ingress of the port by which packets for it come', receiving, 've1', 'ingress'],
  ['the egress of the device by which they leave', sending, 'up0', 'egress'],
] as const;

for (const [name, scenery, device, hook] of PLACES)
  test(`a tc program at ${name}`, { skip }, async (t) => {
    const one = await scenery(t);
    await one.lab.tc(`qdisc add dev ${device} clsact`);
    await filter(one, device, hook, LETS_PASS);
    await assertTold(one, OK);
    for (const program of COUNTS_TAKEN ? [STEALS, STEALS_HALF] : [STEALS]) {
      await filter(one, device, hook, program);
      await assertTold(one, BY_TC(`tc ${hook} of ${device}`), program);
    }
  });

for (const [name, scenery, device, hook] of PLACES)
  test(`a BPF program without a qdisc at ${name} (tcx)`, { skip }, async (t) => {
    const one = await scenery(t);
    const passing = await one.lab.testReader();
    try {
      await passing.tcx(device, hook, 'pass');
    } catch {
      return t.skip('this kernel has no tcx');
    }
    await assertTold(one, OK);
    await passing.quit();
    await one.reader.tcx(device, hook, 'half');
    await assertTold(one, /^warning; /);
  });

test('what a tc program takes is not known by the reading that finds it, and is by the next', { skip }, async (t) => {
  const one = await sending(t);
  await one.lab.tc('qdisc add dev up0 clsact');
  await filter(one, 'up0', 'egress', STEALS);
  one.agent.ask();
  const unread = async (): Promise<string | undefined> =>
    (await one.agent.device(one.lab.inode, 'tap0')).surroundings?.unread.join();
  // Each reading is in one snapshot at least.
  let said: string | undefined;
  await until(async () => {
    said = await unread();
    return said !== undefined;
  });
  assert.match(said ?? '', /packets that tc filters take \(counted from now on: ask again\)/);
  await until(async () => {
    one.agent.ask();
    return !/tc filters take/.test((await unread()) ?? 'tc filters take');
  });
});

for (const action of ['trap', 'pass'] as const)
  test(`a tc action at the egress of the device by which they leave: ${action}`, { skip }, async (t) => {
    const one = await sending(t);
    await one.lab.tc('qdisc add dev up0 clsact');
    try {
      await one.lab.tc(`filter add dev up0 egress protocol ip pref 1 u32 match u32 0 0 action ${action}`);
    } catch {
      return t.skip('this kernel has no act_gact or cls_u32');
    }
    const TRAPPED = COUNTS_TAKEN
      ? /^unknown; not-here; [\d ]+ packets from it were taken by an action of a tc filter that steals or traps \(tc egress of up0\)/
      : /^unknown; not-here; .* an action of a tc filter that steals or traps \(tc egress of up0\) may have ended them/;
    await assertTold(one, action === 'trap' ? TRAPPED : OK);
  });

test('tc redirects what leaves by a device to another one', { skip }, async (t) => {
  const one = await sending(t);
  await one.lab.ipBatch(['link add dd0 type veth peer name dd1', 'link set dd0 up', 'link set dd1 up']);
  await one.lab.tc('qdisc add dev up0 clsact');
  await assertTold(one, OK);
  await one.lab.tc('filter add dev up0 egress protocol ip u32 match u32 0 0 action mirred egress redirect dev dd0');
  await assertTold(
    one,
    COUNTS_TAKEN
      ? /^unknown; not-here; [\d ]+ packets from it were taken by a tc filter that redirects them to another device, where they are not followed \(tc egress of up0\)/
      : /^unknown; not-here; [\d ]+ packets from it were sent on by dd0, to which a tc filter redirects what should leave by another/,
  );
});

test('tc sends a copy of what the guest sends to a monitor, which has no use for it', { skip }, async (t) => {
  const one = await sending(t);
  await one.lab.ipBatch([`link add dd0 type veth peer name dd1 netns ${one.far.name}`, 'link set dd0 up']);
  await one.far.ip('link set dd1 up');
  await one.lab.tc('qdisc add dev tap0 clsact');
  await one.lab.tc('filter add dev tap0 ingress protocol ip u32 match u32 0 0 action mirred egress mirror dev dd0');
  await assertTold(one, OK);
});

test('XDP that drops half of what comes in where packets for the guest do', { skip }, async (t) => {
  const one = await receiving(t);
  await one.reader.xdp('ve1', 'half');
  await assertTold(
    one,
    /^unknown; not-here; a BPF program \(XDP of ve1\) ended or redirected about [\d ]+ of the [\d ]+ packets/,
  );
});

/** A tap that is idle, and a veth that gets 100 packets a second, with an XDP program that drops them. */
async function beside(t: TestContext, ...commands: readonly string[]): Promise<Scene> {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await one.lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up',
    'addr add 10.90.0.1/24 dev ve0',
    `neigh replace 10.90.0.2 lladdr ${GUEST} dev ve0 nud permanent`,
    ...commands,
  ]);
  await one.reader.xdp('ve1', 'drop');
  await streamTo(one, '10.90.0.2');
  return one;
}

const ON_BRIDGE = [
  'link add br0 type bridge mcast_snooping 0 forward_delay 0',
  'link set br0 up',
  'link set tap0 master br0',
];

for (const [name, commands] of [
  ['the host does not forward', []],
  ['it is on a bridge without an address', ON_BRIDGE],
] as const)
  test(`XDP of a device that is not on the way: ${name}`, { skip }, async (t) => {
    const one = await beside(t, ...commands);
    await assertTold(one, OK, 'idle');
    const frame = ethernet(await macOf(one.lab, 'tap0'), TO_FAR);
    often(one, 100, () => one.reader.frame('a', 5, frame));
    await assertTold(one, /^(ok|unknown); not-here(?!.*XDP)|^warning; host-refuses/, 'it sends');
  });

test('XDP of a device from which the host forwards', { skip }, async (t) => {
  const one = await beside(t);
  await one.lab.exec('sysctl', '-q', 'net.ipv4.conf.all.forwarding=1');
  await assertTold(one, /^unknown; not-here; .*\(XDP of ve1\)/);
});

test('a route that leads to WireGuard, until its peer answers', { skip }, async (t) => {
  const one = await routed(t);
  const { lab, far } = one;
  const keys = (
    await lab.exec('sh', '-c', 'for i in 1 2; do k=$(wg genkey); echo $k $(echo $k | wg pubkey); done')
  ).split(/\s+/);
  const [ownKey, ownName, farKey, farName] = keys;
  const up = (at: typeof lab, key: string | undefined, peer: string | undefined, address: string, end: string) =>
    at.exec(
      'sh',
      '-ec',
      `echo ${key} | wg set wg0 listen-port 5555 private-key /proc/self/fd/0 peer ${peer} allowed-ips 0.0.0.0/0 endpoint ${end}:5555; ip addr add ${address}/24 dev wg0; ip link set wg0 up`,
    );
  try {
    for (const each of [lab, far]) await each.ip('link add wg0 type wireguard');
  } catch {
    return t.skip('this kernel has no WireGuard');
  }
  await up(lab, ownKey, farName, '10.44.0.1', '10.99.0.2');
  const frame = ethernet(await macOf(lab, 'tap0'), datagram({ from: '10.71.0.2', to: '10.44.0.9', port: 9 }));
  often(one, 50, () => one.reader.frame('a', 5, frame));
  await assertTold(one, /^unknown; not-here; [\d ]+ packets from it were sent on by wg0, which did not send [\d ]+/);
  await far.ip(`neigh replace 10.99.0.1 lladdr ${await macOf(lab, 'up0')} dev far0 nud permanent`);
  await up(far, farKey, ownName, '10.44.0.9', '10.99.0.1');
  await until(async () => !/\t0$/m.test(await lab.exec('wg', 'show', 'wg0', 'latest-handshakes')));
  await assertTold(one, /^(ok|warning; host-refuses)/, 'it answered');
});

for (const [name, kind, device, words] of [
  ['a dummy device', 'dummy', 'dm0', 'a dummy device'],
  ['an IFB, which nothing redirects to', 'ifb', 'ifb0', 'an IFB'],
] as const)
  test(`a route that leads to ${name}`, { skip }, async (t) => {
    const one = await sending(t);
    try {
      await one.lab.ip(`link add ${device} type ${kind}`);
    } catch {
      return t.skip(`this kernel has no device of kind ${kind}`);
    }
    await one.lab.ip(`link set ${device} up`);
    await assertTold(one, OK, 'nothing leads there');
    await one.lab.ip(`route add 10.99.0.2/32 dev ${device}`);
    await assertTold(
      one,
      new RegExp(`^unknown; not-here; [\\d ]+ packets from it were sent on by ${device}, ${words}`),
    );
  });
