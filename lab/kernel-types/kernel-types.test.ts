// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What two kernels differ by, on the types of made-up ones; and what libbpf's words say that programs need.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Difference, differences } from './differences.ts';
import { type BtfType, KernelTypes } from './kernel-types.ts';
import { type Needs, relocations } from './needs.ts';
import { typesReport } from './types-report.ts';

const NAMELESS = '(anon)';

/** A kernel with a struct whose field lies in a nameless union, a function, a tracepoint and reasons; a module with a struct of its own. */
function kernelOf(more: {
  readonly field?: string;
  readonly bits?: number;
  readonly params?: readonly number[];
  readonly reasons?: readonly string[];
  readonly moduleField?: string;
}): KernelTypes {
  const { field = 'len', bits = 0, params = [2], reasons = ['NOMEM'], moduleField = 'ring' } = more;
  const base: readonly BtfType[] = [
    { id: 1, kind: 'INT', name: 'unsigned int' },
    { id: 2, kind: 'PTR', name: NAMELESS, type_id: 4 },
    { id: 3, kind: 'UNION', name: NAMELESS, members: [{ name: field, type_id: 5, bitfield_size: bits }] },
    { id: 4, kind: 'STRUCT', name: 'sk_buff', members: [{ name: NAMELESS, type_id: 3 }] },
    { id: 5, kind: 'CONST', name: NAMELESS, type_id: 1 },
    { id: 6, kind: 'FUNC_PROTO', name: NAMELESS, ret_type_id: 0, params: params.map((type_id) => ({ type_id })) },
    { id: 7, kind: 'FUNC', name: 'tun_wake', type_id: 6 },
    { id: 8, kind: 'PTR', name: NAMELESS, type_id: 6 },
    { id: 9, kind: 'TYPEDEF', name: 'btf_trace_kfree_skb', type_id: 8 },
    {
      ...{ id: 10, kind: 'ENUM', name: 'skb_drop_reason' },
      values: reasons.map((name, val) => ({ name: `SKB_DROP_REASON_${name}`, val })),
    },
  ];
  const module: readonly BtfType[] = [
    { id: 11, kind: 'STRUCT', name: 'tun_file', members: [{ name: moduleField, type_id: 12 }] },
    { id: 12, kind: 'ARRAY', name: NAMELESS, type_id: 4, nr_elems: 8 },
  ];
  return new KernelTypes(base, [module]);
}

const NEEDS: Needs = {
  functions: ['tun_wake'],
  tracepoints: ['kfree_skb'],
  fields: [
    ['struct sk_buff', ['len']],
    ['struct tun_file', ['ring', 'len']],
  ],
  types: ['struct tun_file', 'struct macvlan_dev'],
  enumValues: [['skb_drop_reason', 'SKB_DROP_REASON_NOMEM']],
};

const found = (more: Parameters<typeof kernelOf>[0]): readonly Difference[] =>
  differences(NEEDS, kernelOf({}), kernelOf(more));

test('a kernel does not differ from itself, nor where only numbers move', () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(
    found({ reasons: ['NEW', 'NOMEM'] }).map(({ name }) => name),
    ['NEW'],
  );
});

test('a field that went, or has another type; through nameless unions, arrays and modules', () => {
  const field = { what: 'field', before: 'unsigned int', after: undefined } as const;
  assert.deepEqual(found({ field: 'length' }), [
    { ...field, name: 'struct sk_buff.len' },
    { ...field, name: 'struct tun_file.ring.len' },
  ]);
  assert.deepEqual(found({ moduleField: 'rings' }), [{ ...field, name: 'struct tun_file.ring.len' }]);
  assert.equal(found({ bits: 3 })[0]?.after, 'unsigned int:3');
});

test('arguments of functions, and of tracepoints without the one of every program', () => {
  assert.deepEqual(found({ params: [2, 1] }), [
    {
      ...{ what: 'function', name: 'tun_wake', before: '(struct sk_buff *) → void' },
      after: '(struct sk_buff *, unsigned int) → void',
    },
    { what: 'tracepoint', name: 'kfree_skb', before: '() → void', after: '(unsigned int) → void' },
  ]);
});

test('the report: a table, and reasons with those that the sources name', () => {
  const text = typesReport(
    'Linux 1',
    'Linux 2',
    found({ reasons: ['FULL_RING', 'NEW'], field: 'length' }),
    new Set(['FULL_RING']),
  );
  assert.deepEqual(text.split('\n'), [
    '**Linux 1 → Linux 2**: 6 differ.',
    '',
    '|  | name | Linux 1 | Linux 2 |',
    '| --- | --- | --- | --- |',
    '| field | `struct sk_buff.len` | unsigned int | – |',
    '| field | `struct tun_file.ring.len` | unsigned int | – |',
    '| enum value | `SKB_DROP_REASON_NOMEM` | there | – |',
    '',
    'Drop reasons that came: **`FULL_RING`**, `NEW`.',
    '',
    'Drop reasons that went: `NOMEM`.',
  ]);
  assert.equal(typesReport('a', 'b', [], new Set()), '**a → b**: nothing differs.');
});

test('what programs need, from the words of libbpf', () => {
  const log = [
    "libbpf: prog 'x': relo #0: <byte_off> [9] struct tun_file.tx_ring.queue[0] (0:1:2 @ offset 8)",
    "libbpf: prog 'x': relo #0: matching candidate #0 <byte_off> [44] struct other.field (0:1 @ offset 8)",
    "libbpf: prog 'x': relo #1: <field_exists> [9] struct net_device___enum.reg_state (0:2 @ offset 8)",
    "libbpf: prog 'x': relo #2: <enumval_value> [3] enum netdev_cmd::NETDEV_UP = 1",
    "libbpf: prog 'y': relo #0: <type_exists> [3] struct macvlan_dev",
  ].join('\n');
  assert.deepEqual(relocations(log), {
    types: ['enum netdev_cmd', 'struct macvlan_dev', 'struct net_device', 'struct tun_file'],
    fields: [
      ['struct net_device', ['reg_state']],
      ['struct tun_file', ['tx_ring', 'queue']],
    ],
    enumValues: [['netdev_cmd', 'NETDEV_UP']],
  });
});
