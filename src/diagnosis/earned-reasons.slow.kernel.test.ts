// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// The host loses what the guest sends, or what is for it, for reasons of the table: the operator who asks is told the cause and what to type.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { answerTo, type Scene, said, scene, type } from '../../test/agent/on-call.ts';
import { datagram, ethernet, tagged } from '../../test/host/frames.ts';
import { macOf, namespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import type { Finding } from './finding.ts';

const skip = noLab || (isSince(5, 17) ? false : 'this kernel gives no reasons');
const GUEST = '10.77.0.2';
const HOST = '10.77.0.1';
const FAR = '10.99.0.2';

/** The guest sends frames for as long as the test runs; the answer is that of an operator who asks meanwhile. */
async function answerWhile(
  one: Scene,
  frame: Buffer,
): Promise<{ answer: string; first: Finding | undefined; told: string }> {
  let over = false;
  const sent = (async () => {
    while (!over) {
      await one.reader.frame('a', 20, frame);
      await wait(50);
    }
  })();
  try {
    await wait(300);
    const { answer, findings } = await answerTo(one, 'tap0', 4);
    return { answer, first: findings[0], told: said(findings).join('\n') };
  } finally {
    over = true;
    await sent;
  }
}

/** Another namespace behind up0, which the host routes to. */
async function uplink(t: Parameters<typeof namespaceLab>[0], { lab }: Scene): Promise<void> {
  const beyond = await namespaceLab(t);
  await lab.ipBatch([
    `link add up0 type veth peer name far0 netns ${beyond.name}`,
    'link set up0 addrgenmode none up',
    'addr add 10.99.0.1/24 dev up0',
  ]);
  await beyond.ipBatch(['link set far0 up', `addr add ${FAR}/24 dev far0`]);
  await lab.ip(`neigh replace ${FAR} lladdr ${await macOf(beyond, 'far0')} dev up0 nud permanent`);
  await lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
}

interface Fault {
  readonly fault: string;
  /** Sets it up; returns what the guest sends. */
  readonly prepare: (t: Parameters<typeof namespaceLab>[0], one: Scene, mac: string) => Promise<Buffer>;
  readonly says: RegExp;
  /** What the first remedy prints where it is typed; undefined: it is for the guest, or needs what this machine may lack. */
  readonly shows?: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    fault: 'the guest sends to an older MAC address of the host',
    prepare: async () => ethernet('02:00:00:00:00:99', datagram({ from: GUEST, to: HOST, port: 9 })),
    says: /a MAC address that the host does not have here/,
  },
  {
    fault: 'the guest tags its frames with a VLAN that the host has no device for',
    prepare: async (_, __, mac) => tagged(7, ethernet(mac, datagram({ from: GUEST, to: HOST, port: 9 }))),
    says: /or a VLAN that it has no device for/,
  },
  {
    fault: 'the guest’s frames are too long for another port of the bridge',
    prepare: async (t, one) => {
      await uplink(t, one);
      await one.lab.ipBatch([
        'link add br0 type bridge forward_delay 0 mcast_snooping 0',
        'link set br0 addrgenmode none up',
        'link set tap0 master br0',
        'link set up0 master br0 mtu 300',
      ]);
      await one.lab.exec('bridge', 'fdb', 'add', '02:00:00:00:00:77', 'dev', 'up0', 'master', 'static');
      return ethernet('02:00:00:00:00:77', datagram({ from: GUEST, to: FAR, port: 9, size: 400, whole: true }));
    },
    says: /longer than the MTU of the bridge’s port by which they leave/,
    shows: /mtu 300/,
  },
  {
    fault: 'routes lead in a circle, until the TTL is used up',
    prepare: async (t, one, mac) => {
      await uplink(t, one);
      return ethernet(mac, datagram({ from: GUEST, to: FAR, port: 9, ttl: 1 }));
    },
    says: /their TTL or hop limit is used up: a loop of routes, or a traceroute/,
    shows: /10\.99\.0\.0\/24 dev up0/,
  },
  {
    fault: 'a route leads nowhere on purpose',
    prepare: async (t, one, mac) => {
      await uplink(t, one);
      await one.lab.ip('route add blackhole 10.98.0.0/24');
      return ethernet(mac, datagram({ from: GUEST, to: '10.98.0.1', port: 9 }));
    },
    says: /their route leads nowhere \(blackhole, unreachable, prohibit\)/,
    shows: /blackhole 10\.98\.0\.0\/24/,
  },
  {
    fault: 'the program of the host that the packets are for reads nothing',
    prepare: async (_, { lab }, mac) => {
      await (await lab.testReader()).bind(7, 4096);
      return ethernet(mac, datagram({ from: GUEST, to: HOST, port: 7, size: 400 }));
    },
    says: /a socket of the host that they were for is full: its program reads too slowly/,
    shows: /:7\b.*skmem/s,
  },
  {
    fault: 'nobody on the host listens',
    prepare: async (_, __, mac) => ethernet(mac, datagram({ from: GUEST, to: HOST, port: 9 })),
    says: /no program of the host listens on the port/,
    shows: /Netid/,
  },
];

for (const { fault, prepare, says, shows } of FAULTS)
  test(fault, { skip }, async (t) => {
    const one = await scene(t, 1000);
    const frame = await prepare(t, one, await macOf(one.lab, 'tap0'));
    const { answer, first, told } = await answerWhile(one, frame);
    assert.deepEqual([answer, first?.rule], ['warning', 'host-refuses'], told);
    assert.match(first?.cause ?? '', says);
    if (shows) assert.match(await type(one, first?.remedies[0]?.command), shows);
  });

test('the host routes to a tunnel what is too long for it, and may not be cut', { skip }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await uplink(t, one);
  await one.lab.ipBatch([
    'link set tap0 mtu 300',
    'neigh replace 10.77.0.2 lladdr 02:00:00:00:00:01 dev tap0 nud permanent',
  ]);
  await one.reader.open('b', 'tap9', 'tap');
  await one.lab.ipBatch(['link set tap9 addrgenmode none up', 'addr add 10.79.0.1/24 dev tap9']);
  const long = ethernet(
    await macOf(one.lab, 'tap9'),
    datagram({ from: '10.79.0.2', to: GUEST, port: 9, size: 400, whole: true }),
  );
  let over = false;
  const sent = (async () => {
    while (!over) {
      await one.reader.frame('b', 20, long);
      await wait(50);
    }
  })();
  const { answer, findings } = await answerTo(one, 'tap0', 4);
  over = true;
  await sent;
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'loss-unexplained'], said(findings).join('\n'));
  assert.match(findings[0]?.cause ?? '', /longer than the device’s MTU, and may not be cut up/);
  await type(one, findings[0]?.remedies[0]?.command);
  assert.match(await one.lab.exec('nft', 'list', 'ruleset'), /maxseg size set rt mtu/);
});
