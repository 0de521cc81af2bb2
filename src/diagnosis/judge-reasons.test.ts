// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Packets that the host frees for the reasons of the table, both ways: which are a finding, what it says and what is typed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { quietHost, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import type { Device } from '../snapshot/device.ts';
import type { Dropper } from '../snapshot/firewall.ts';
import { judge } from './judge.ts';
import { harmlessBehind, harmlessEvidence } from './reasons/causes.ts';

/** Freed by the host behind the device a second, by 'REASON@function', of `received`. */
function behind(
  drops: Readonly<Record<string, number>>,
  received = 1000,
  more: Partial<Device> = {},
): readonly TapPlan[] {
  const freed = (second: number) =>
    Object.entries(drops).map(([name, rate]) => {
      const [reason = '', location = ''] = name.split('@');
      return { reason, location, packets: Math.round(rate * second) };
    });
  return [
    {
      more: (second) => ({
        receive: { dropped: [], refusedByHost: freed(second), refused: undefined, frameErrors: 0 },
        counters: {
          txPackets: 1000 * second,
          txBytes: 0,
          txDropped: 0,
          rxPackets: received * second,
          rxBytes: 0,
          rxDropped: 0,
        },
        ...more,
      }),
    },
  ];
}

const PORT = {
  bridge: 'br0',
  bridgeUp: true,
  state: 'forwarding',
  stp: 'off',
  isolated: true,
  isolatedBeside: 0,
  learns: true,
  floods: true,
} as const;

const BEYOND = { netns: 2, sentBy: 'veth0' };

function dropper(handle: number): Dropper {
  return { family: 'inet', table: 'filter', chain: 'forward', handle, hook: 'forward', packets: undefined };
}

const before = (drops: Readonly<Record<string, number>>, more: Partial<Device> = {}): readonly TapPlan[] => [
  { before: drops, more: () => more },
];

testHosts([
  {
    host: 'has a guest on an isolated port that sends to another one',
    taps: behind({ 'NOT_SPECIFIED@br_handle_frame_finish': 900 }, 1000, { bridgePort: { ...PORT, isolatedBeside: 1 } }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /its port of the bridge is isolated, and so is the port of their destination/,
    types: 'bridge link set dev tap0 isolated off',
  },
  {
    host: 'has a guest on a locked port',
    taps: behind({ 'NOT_SPECIFIED@br_handle_frame_finish': 900 }, 1000, {
      bridgePort: PORT,
      surroundings: {
        redirects: [],
        strays: [],
        unread: [],
        table: { addresses: 1, isLocked: true, misplaced: [], withheld: [] },
      },
    }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /takes no frames from this address: it is locked\.$/,
    types: 'bridge fdb show',
  },
  {
    host: 'drops in the bridge for a cause that the port does not show',
    taps: behind({ 'NOT_SPECIFIED@br_handle_frame_finish': 900 }, 1000, { bridgePort: PORT }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /its bridge port is locked or closed, or that of their destination may not have them/,
  },
  {
    host: 'has an uplink without carrier, or with too small a qdisc',
    taps: behind({ 'QDISC_DROP@__dev_queue_xmit': 900 }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /the device by which they leave has no carrier, or its qdisc is full/,
  },
  {
    host: 'is asked about a tap whose tc filter drops half of what the guest sends',
    taps: behind({ 'TC_INGRESS@__netif_receive_skb_core': 500 }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /^tap0: the host dropped 5 000 of 10 000 packets from its guest or writer: a tc filter or policer at the device’s ingress drops them\.$/,
    types: 'tc -s filter show dev tap0 ingress',
  },
  {
    host: 'is asked about a tap whose policer drops a twentieth, which slows TCP',
    taps: behind({ 'TC_INGRESS@tc_run': 50 }),
    asked: true,
    finds: ['host-refuses warning'],
  },
  {
    host: 'has a tap whose tc filter drops a tenth, on purpose as far as anyone knows',
    taps: behind({ 'TC_INGRESS@tc_run': 100 }),
    finds: ['host-refuses info'],
  },
  {
    host: 'has a tap whose tc filter drops half: nobody who asks about all of the host is told OK',
    taps: behind({ 'TC_INGRESS@tc_run': 500 }),
    finds: ['host-refuses warning'],
  },
  {
    host: 'has a quiet guest of whose packets a firewall refuses nine a second',
    taps: behind({ 'NETFILTER_DROP@nf_hook_slow': 9 }, 40),
    finds: ['host-refuses info'],
  },
  ...[
    { more: 'the one rule that drops', firewall: { droppers: [dropper(7)], others: [] }, named: true },
    { more: 'an old table too', firewall: { droppers: [dropper(7)], others: ['iptables-legacy'] }, named: false },
    { more: 'two rules that drop', firewall: { droppers: [dropper(7), dropper(8)], others: [] }, named: false },
  ].map(({ more, firewall, named }) => ({
    host: `has a firewall that drops what the guest sends, with ${more}`,
    taps: behind({ 'NETFILTER_DROP@nf_hook_slow': 490 }, 1000, { firewall }),
    finds: ['host-refuses warning'],
    says: named
      ? /: the firewall drops them, rule 7 of chain forward, table inet filter\.$/
      : /: the host’s firewall drops them\.$/,
    types: named ? 'nft -a list chain inet filter forward' : 'nft list ruleset',
  })),
  {
    host: 'has a firewall in another namespace, behind a veth: its own rules are not blamed',
    taps: behind({}, 1000, {
      firewall: { droppers: [dropper(7)], others: [] },
    }).map(({ more, ...tap }) => ({
      ...tap,
      more: (second: number) => ({
        ...more?.(second),
        lostBeyond: [{ reason: 'NETFILTER_DROP', location: 'nf_hook_slow', packets: 490 * second, beyond: BEYOND }],
      }),
    })),
    agent: { namespaceNames: new Map([[BEYOND.netns, 'blue']]) },
    finds: ['host-refuses warning'],
    says: /^(?!.*rule 7).* behind veth0, in the network namespace blue: /,
  },
  {
    host: 'has a tun whose program writes no packet information',
    taps: behind({ 'UNHANDLED_PROTO@__netif_receive_skb_core': 1000 }, 1000, { kind: 'tun' }),
    finds: ['host-refuses warning'],
    says: /does not write the packet information that the device expects\.$/,
  },
  {
    host: 'is asked about a tun through which four pings go without packet information',
    taps: behind({ 'UNHANDLED_PROTO@__netif_receive_skb_core': 0.4 }, 0.4, { kind: 'tun' }),
    asked: true,
    finds: ['host-refuses warning'],
  },
  {
    host: 'is asked about a tap on which a seventh are frames of an EtherType that nobody handles',
    taps: behind({ 'UNHANDLED_PROTO@__netif_receive_skb_core': 50 }, 350),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'is asked about an idle tap whose guest sends LLDP only',
    taps: behind({ 'UNHANDLED_PROTO@__netif_receive_skb_core': 0.4 }, 0.4),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'has a tap with nothing but frames of an unknown EtherType, and many of them',
    taps: behind({ 'UNHANDLED_PROTO@__netif_receive_skb_core': 1000 }),
    finds: ['host-refuses warning'],
    says: /nobody here handles their EtherType/,
  },
  {
    host: 'has a restored guest that knows an older MAC address of the host',
    taps: behind({ 'OTHERHOST@ip_rcv_core': 990 }),
    finds: ['host-refuses warning'],
    says: /a MAC address that the host does not have here/,
    types: 'ip neigh flush dev eth0',
  },
  {
    host: 'has a guest of whose packets a tenth is for others',
    taps: behind({ 'OTHERHOST@ip_rcv_core': 100 }),
    finds: [],
  },
  {
    host: 'has a guest with unfinished checksums',
    taps: behind({ 'UDP_CSUM@udp_rcv': 600, 'TCP_CSUM@tcp_v4_rcv': 200 }),
    finds: ['host-refuses warning'],
    says: /packets from its guest or writer: their UDP checksum is wrong: an offload without a virtio-net header/,
    types: 'ethtool -K eth0 tx off tso off gso off',
  },
  {
    host: 'is asked about a guest whose packets are too long for the uplink',
    taps: behind({ 'PKT_TOO_BIG@ip_forward': 660 }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /longer than the MTU of the way on, and may not be cut up/,
    types:
      "nft 'add table inet mss; add chain inet mss forward { type filter hook forward priority -150; }; add rule inet mss forward tcp flags syn tcp option maxseg size set rt mtu'",
  },
  {
    host: 'has a guest whose frames are too long for another port of its bridge',
    taps: behind({ 'NOT_SPECIFIED@br_dev_queue_push_xmit': 660 }),
    finds: ['host-refuses warning'],
    says: /longer than the MTU of the bridge’s port by which they leave\.$/,
  },
  {
    host: 'has a guest that sends into a VLAN that its port does not allow',
    taps: behind({ 'NOT_SPECIFIED@br_allowed_ingress': 1000 }),
    finds: ['host-refuses warning'],
    types: 'bridge vlan show dev tap0',
  },
  {
    host: 'has an uplink whose qdisc is full of what the guest sends, and nobody asks',
    taps: behind({ 'QDISC_OVERLIMIT@__dev_queue_xmit': 300 }),
    finds: ['host-refuses warning'],
  },
  {
    host: 'is asked about a guest to whose uplink codel keeps the delay short',
    taps: behind({ 'QDISC_CONGESTED@__dev_queue_xmit': 15 }),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'is asked about a guest that pings a host without IPv6',
    taps: behind({ 'IPV6DISABLED@ip6_rcv_core': 0.8 }, 0.8),
    asked: true,
    finds: ['host-refuses warning'],
  },
  {
    host: 'has a device whose packets are freed for more reasons than are told apart',
    taps: behind({ 'other@other': 500 }),
    finds: ['host-refuses warning'],
    says: /freed for more reasons than are told apart\.$/,
  },
  {
    host: 'has a socket that is full of what the guest sends',
    taps: behind({ 'SOCKET_RCVBUFF@__udp_queue_rcv_skb': 700 }),
    finds: ['host-refuses warning'],
    types: 'ss -uwanmp',
  },
  {
    host: 'is asked about a guest whose TCP sends twice what had come, and whose connections end',
    taps: behind({ 'TCP_OLD_DATA@tcp_data_queue': 400, 'TCP_RESET@tcp_reset': 20, 'DUP_FRAG@ip_frag_queue': 10 }),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'is asked about a guest that knocks at a closed port now and then',
    taps: behind({ 'NO_SOCKET@tcp_v4_rcv': 10 }),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'is asked about a guest that sends to a port on which nobody listens any more',
    taps: behind({ 'NO_SOCKET@udp_rcv': 900 }),
    asked: true,
    finds: ['host-refuses warning'],
    types: 'ss -lntup',
  },
  {
    host: 'is asked about a guest whose packets go round in circles',
    taps: behind({ 'IP_INHDR@ip_forward': 900 }),
    asked: true,
    finds: ['host-refuses warning'],
    says: /their TTL or hop limit is used up/,
  },
  {
    host: 'is asked about a guest in whose traffic somebody runs traceroute',
    taps: behind({ 'IP_INHDR@ip_forward': 9 }, 100),
    asked: true,
    finds: ['not-here info'],
  },
  {
    host: 'drops what the guest sends for a reason that is new',
    taps: behind({ 'TCP_NEW_REASON@tcp_rcv_new': 500 }),
    finds: ['host-refuses warning'],
    says: /freed in tcp_rcv_new \(the TCP stack\) with the reason TCP_NEW_REASON\.$/,
    types: 'nstat -az',
  },
  {
    host: 'routes packets to a tunnel that are longer than its MTU',
    taps: before({ 'PKT_TOO_BIG@ip_forward': 500 }, { kind: 'tun' }),
    finds: ['loss-unexplained warning'],
    says: /^tap0 lost 5 000 of 15 000 packets on their way to its guest or reader: they are longer than the device’s MTU/,
  },
  {
    host: 'has a neighbour table that is full',
    taps: before({ 'NEIGH_CREATEFAIL@ip_finish_output2': 500 }),
    finds: ['loss-unexplained warning'],
    types: 'sysctl -w net.ipv4.neigh.default.gc_thresh3=16384 net.ipv4.neigh.default.gc_thresh2=8192',
  },
  {
    host: 'sends more than waits while it asks for the guest’s MAC address, and the guest answers',
    taps: before({ 'NEIGH_QUEUEFULL@__neigh_event_send': 500 }),
    finds: ['neighbour-failed warning'],
    says: /that came at once, while it asked for the MAC address behind it/,
  },
  {
    host: 'gets no answer to ARP, and has most of the packets in a queue meanwhile',
    taps: before({ 'NEIGH_QUEUEFULL@__neigh_event_send': 500, 'NEIGH_FAILED@arp_error_report': 30 }),
    finds: ['neighbour-failed warning'],
    says: /that do not answer ARP/,
  },
  {
    host: 'deletes neighbour entries that are in use',
    taps: before({ 'NEIGH_DEAD@__neigh_event_send': 500 }),
    finds: ['loss-unexplained warning'],
  },
  {
    host: 'refuses bridged packets in br_netfilter that are too short, which is no rule of the firewall',
    taps: before({ 'PKT_TOO_SMALL@nf_hook_slow': 500 }),
    finds: ['loss-unexplained warning'],
  },
  {
    host: 'is asked about a device that loses four of five packets for an egress filter',
    taps: [{ queues: [{ delivered: 0.1 }], before: { 'TC_EGRESS@__dev_queue_xmit': 0.4 } }],
    asked: true,
    finds: ['loss-unexplained warning'],
    types: 'tc -s filter show dev tap0 egress',
  },
]);

test('two faults at once: the larger is the answer, the other stands below it with its own remedy', () => {
  const [finding] = judge(
    quietHost(behind({ 'OTHERHOST@ip_rcv_core': 400, 'UDP_CSUM@udp_rcv': 300, 'TCP_RESET@tcp_reset': 50 })),
  ).findings;
  assert.match(finding?.cause ?? '', /dropped 7 000 of 10 000 .*: they are for a MAC address/);
  assert.deepEqual(finding?.evidence.slice(1), [
    '4 000: OTHERHOST in ip_rcv_core',
    '3 000: UDP_CSUM in udp_rcv: their UDP checksum is wrong: an offload without a virtio-net header, or…',
  ]);
  assert.deepEqual(
    finding?.remedies.map(({ command }) => command),
    ['ip neigh flush dev eth0', 'ip -d link show dev tap0', 'ethtool -K eth0 tx off tso off gso off'],
  );
});

test('what is no fault is told as such, and is no loss for who asks', () => {
  const [device] = quietHost(
    behind({ 'UNHANDLED_PROTO@__netif_receive_skb_core': 50, 'IP_RPFILTER@ip_rcv_finish_core': 3 }, 350),
  ).devices;
  assert.ok(device);
  assert.deepEqual(harmlessEvidence(device), [
    'no loss: 500 UNHANDLED_PROTO: nobody here handles their EtherType (as LLDP’s); rx_dropped has them',
  ]);
  const drops = device.now.receive?.refusedByHost ?? [];
  assert.deepEqual(
    drops.filter(harmlessBehind(device)).map(({ reason }) => reason),
    ['UNHANDLED_PROTO'],
  );
});

test('broadcasts that the host has no use for are no loss, were they all that the guest sends', () => {
  const refusedByHost = (second: number) => [
    { reason: 'IP_INADDRERRORS', location: 'ip_error', packets: 1000 * second, unwanted: true },
    { reason: 'UNHANDLED_PROTO', location: '__netif_receive_skb_core', packets: 300 * second, unwanted: true },
  ];
  const window = quietHost([
    {
      more: (second) => ({
        receive: { dropped: [], refusedByHost: refusedByHost(second), refused: undefined, frameErrors: 0 },
      }),
    },
  ]);
  const [device] = window.devices;
  assert.ok(device);
  assert.deepEqual(judge(window).findings, []);
  assert.deepEqual(harmlessEvidence(device), [
    'no loss: 10 000 IP_INADDRERRORS: broadcasts and multicasts that the host has no use for',
    'no loss: 3 000 UNHANDLED_PROTO: broadcasts of a protocol that nobody here handles; rx_dropped has t…',
  ]);
});

test('packets that tun frees on their way in are told by the kernel’s reason, where no write is known to fail', () => {
  const dropped = (second: number) => [{ reason: 'HDR_TRUNC', location: 'tun_get_user', packets: 500 * second }];
  const [finding] = judge(
    quietHost([{ more: (second) => ({ receive: { dropped: dropped(second), refused: undefined, frameErrors: 0 } }) }]),
  ).findings;
  assert.equal(finding?.rule, 'writer-refused');
  assert.match(finding?.cause ?? '', /from its guest or writer: they are shorter than their own headers\.$/);
});

test('fq that is full of one flow is told what to change, after what shows it', () => {
  const [finding] = judge(quietHost(before({ 'FQ_FLOW_LIMIT@__dev_queue_xmit': 300 }, { qdisc: 'fq' }))).findings;
  assert.equal(finding?.rule, 'qdisc-drop');
  assert.equal(finding?.evidence[2], 'mostly: its qdisc has too many packets of the same flow waiting (flow limit)');
  assert.equal(finding?.remedies[1]?.command, 'tc qdisc change dev tap0 root fq flow_limit 1000');
});

test('how much waits in the qdisc that drops is said, and where', () => {
  const waiting = (packets: number, most: number, kind: string) => ({
    qdisc: kind,
    backlog: {
      ...{ packets, bytes: 1496 * packets, dropped: 0, requeues: 0, packetSeconds: 0 },
      holder: { kind, handle: 0x0001_0000, class: 0x0001_0010, queue: undefined, packets: most, sent: undefined },
    },
  });
  for (const [packets, most, kind, says] of [
    [261, 261, 'htb', 'now 261 packets (390 kB) wait in htb 1: (class 1:10)'],
    [261, 200, 'htb', 'now 261 packets (390 kB) wait; most of them, 200, in htb 1: (class 1:10)'],
    [1, 1, 'tbf', 'now 1 packet (1 kB) waits in tbf 1:'],
  ] as const) {
    const plan = before({ 'QDISC_OVERLIMIT@__dev_queue_xmit': 100 }, waiting(packets, most, kind));
    const [finding] = judge(quietHost(plan)).findings;
    assert.equal(finding?.rule, 'qdisc-drop');
    assert.equal(finding?.evidence[3], says);
  }
});
