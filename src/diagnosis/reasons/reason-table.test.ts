// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The table knows every reason of every kernel of the lab, and says of each what can be read and typed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readReasonNames } from '../../engine/reasons.ts';
import { Btf } from '../../kernel/native.ts';
import { inspects } from '../remedies/inspects.ts';
import type { DropRow } from './drop-row.ts';
import { explain } from './explain.ts';
import { NOT_OF_TAPS } from './not-of-taps.ts';
import { placeOf } from './place.ts';
import { NO_REASON, REASON_ROWS } from './reason-table.ts';
import { UNNAMED_ROWS } from './unnamed-rows.ts';

/** Names by kernel, from its headers include/net/dropreason*.h, or its types. */
const KERNELS: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../../../test/kernel-reasons.json', import.meta.url), 'utf8'),
);

/** An older name of UNHANDLED_PROTO, and the reasons of a module, are in none of these. */
const OF_OTHERS = /^(PTYPE_ABSENT|OVS_\w+)$/;

const unknown = (names: readonly string[]): readonly string[] =>
  names.filter((name) => name !== NO_REASON && !(name in REASON_ROWS) && !(name in NOT_OF_TAPS));

for (const [kernel, names] of Object.entries(KERNELS))
  test(`every reason of Linux ${kernel} has a row, or cannot be met by a packet of a tap`, () => {
    assert.deepEqual(unknown(names.split(' ')), []);
  });

test('every reason of the running kernel', { skip: !existsSync('/sys/kernel/btf/vmlinux') && 'no BTF' }, () => {
  const { name } = readReasonNames(Btf.kernel(), []);
  const numbers = Array.from({ length: 256 }, (_, number) => name(number));
  assert.deepEqual(unknown(numbers.filter((one) => !one.startsWith('unknown_'))), []);
});

test('no row of a reason that no kernel has, and none twice', () => {
  const all = new Set(Object.values(KERNELS).flatMap((names) => names.split(' ')));
  const rows = [...Object.keys(REASON_ROWS), ...Object.keys(NOT_OF_TAPS)];
  assert.deepEqual(
    rows.filter((name) => !all.has(name) && !OF_OTHERS.test(name)),
    [],
  );
  assert.deepEqual(
    Object.keys(NOT_OF_TAPS).filter((name) => name in REASON_ROWS),
    [],
  );
});

const rows: readonly (readonly [string, DropRow])[] = [
  ...Object.entries(REASON_ROWS).flatMap(([name, list]) => list.map((row) => [name, row] as const)),
  ...[...UNNAMED_ROWS].flatMap(([name, list]) => list.map((row) => [name, row] as const)),
];

test('each reason is answered in every place: its last row has no condition that another misses', () => {
  for (const reason of Object.keys(REASON_ROWS))
    for (const kind of ['tap', 'tun', 'macvtap', 'ipvtap'] as const)
      for (const way of ['from', 'to'] as const)
        assert.equal(
          explain({ reason, location: 'any' }, { kind }, way).isUnknown,
          undefined,
          `${reason} ${kind} ${way}`,
        );
  for (const location of UNNAMED_ROWS.keys())
    for (const way of ['from', 'to'] as const)
      assert.equal(explain({ reason: NO_REASON, location }, { kind: 'tap' }, way).isUnknown, undefined, location);
});

test('causes and remedies fit a line, and a fault has a remedy', () => {
  for (const [name, row] of rows) {
    assert.ok(row.cause.length <= 115, `${name}: ${row.cause.length}: ${row.cause}`);
    assert.doesNotMatch(row.cause, /\.$/, name);
    assert.equal(row.remedies.length === 0, row.class === 'harmless', name);
    for (const { command, effect } of row.remedies) {
      assert.ok(effect.length <= 160, `${name}: ${effect.length}: ${effect}`);
      assert.match(effect, /[.:?]$/, name);
      if (/^Shows/.test(effect))
        assert.ok(command && inspects({ command: command.replace('{device}', 'tap0') }), `${name}: ${command}`);
    }
  }
});

test('one cause is one row: equal sentences have equal remedies', () => {
  const known = new Map<string, DropRow>();
  for (const [name, row] of rows) {
    const same = known.get(row.cause);
    known.set(row.cause, row);
    if (same) assert.deepEqual([row.class, row.remedies], [same.class, same.remedies], `${name}: ${row.cause}`);
  }
});

test('members of a family have causes of their own', () => {
  const causeOf = (reason: string, location = 'any'): string =>
    explain({ reason, location }, { kind: 'tap' }, 'to').cause;
  const distinct = (...reasons: readonly string[]): void =>
    assert.equal(new Set(reasons.map((reason) => causeOf(reason))).size, reasons.length, String(reasons));
  distinct('NEIGH_FAILED', 'NEIGH_QUEUEFULL', 'NEIGH_DEAD', 'NEIGH_CREATEFAIL', 'NEIGH_HH_FILLFAIL');
  distinct('QDISC_DROP', 'QDISC_OVERLIMIT', 'QDISC_CONGESTED', 'FQ_FLOW_LIMIT', 'FQ_BAND_LIMIT', 'QDISC_BURST_DROP');
  distinct('IP_CSUM', 'UDP_CSUM', 'TCP_CSUM', 'ICMP_CSUM', 'SKB_CSUM');
  distinct('TCP_ZEROWINDOW', 'TCP_OVERWINDOW', 'TCP_OLD_DATA', 'TCP_LISTEN_OVERFLOW', 'TCP_MINTTL');
  assert.notEqual(causeOf('PKT_TOO_BIG', 'br_dev_queue_push_xmit'), causeOf('PKT_TOO_BIG', 'ip_forward'));
  assert.notEqual(causeOf('IP_INHDR', 'ip_forward'), causeOf('IP_INHDR', 'ip_rcv_core'));
  assert.notEqual(causeOf('DEV_READY', 'tun_net_xmit'), causeOf('DEV_READY', 'br_nf_pre_routing'));
});

test('what comes in by an idle port of a bond is no unknown protocol', () => {
  const drop = { reason: 'UNHANDLED_PROTO', location: '__netif_receive_skb_core' };
  const IDLE = /the port of a bond or team that they came in by is not the active one/;
  const tap = { kind: 'tap' } as const;
  assert.match(explain({ ...drop, device: 'eth1', portOf: 'bond' }, tap, 'to').cause, IDLE);
  assert.doesNotMatch(explain({ ...drop, device: 'eth0' }, tap, 'to').cause, IDLE);
  const itself = { ...tap, surroundings: { redirects: [], strays: [], unread: [], portOf: 'team' } } as const;
  assert.match(explain(drop, itself, 'from').cause, IDLE);
  assert.doesNotMatch(explain(drop, tap, 'from').cause, IDLE);
});

test('what has no row is told by its place, and never by a neighbour’s cause', () => {
  const told = (reason: string, location: string): string =>
    explain({ reason, location }, { kind: 'tap' }, 'from').cause;
  assert.equal(
    told('TCP_NEW_REASON', 'tcp_rcv_new'),
    'freed in tcp_rcv_new (the TCP stack) with the reason TCP_NEW_REASON',
  );
  assert.equal(told('NEIGH_NEW', 'other'), 'freed in a function that is not named here with the reason NEIGH_NEW');
  assert.equal(told('NOT_SPECIFIED', 'hsr_forward_skb'), 'freed in hsr_forward_skb without a reason');
  assert.equal(placeOf('br_vlan_new'), 'the bridge');
  assert.equal(placeOf('fq_pie_enqueue'), 'a qdisc');
  assert.equal(placeOf('ip_forward_new'), 'IPv4 forwarding');
});
