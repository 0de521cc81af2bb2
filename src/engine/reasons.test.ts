// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { readReasonNames, reasonFlags } from './reasons.ts';

type Enums = Readonly<Record<string, Readonly<Record<string, number>>>>;
type Types = Parameters<typeof readReasonNames>[0];

function types(enums: Enums): Types {
  const values = (name: string) =>
    enums[name] && Object.entries(enums[name]).map(([value, number]) => ({ name: value, value: number }));
  return { enumValues: values };
}

const KERNEL = types({
  skb_drop_reason: {
    SKB_DROP_REASON_NOT_SPECIFIED: 2,
    SKB_DROP_REASON_NO_SOCKET: 3,
    SKB_DROP_REASON_IP_RPFILTER: 4,
    SKB_DROP_REASON_IP_INNOROUTES: 5,
  },
  qdisc_drop_reason: { QDISC_DROP_OVERLIMIT: 0x70001 },
});
const OPENVSWITCH = types({ ovs_drop_reason: { OVS_DROP_METER: 0x30004 } });

test('reasons of subsystems have names, those of modules too; any other has its number', () => {
  const { name, number } = readReasonNames(KERNEL, [OPENVSWITCH]);
  assert.deepEqual([3, 0x70001, 0x30004, 0x30005].map(name), [
    'NO_SOCKET',
    'QDISC_OVERLIMIT',
    'OVS_METER',
    'unknown_196613',
  ]);
  assert.equal(number('OVS_METER'), 0x30004);
});

test('a kernel without reasons names none', () => {
  assert.equal(readReasonNames(types({}), []).name(0), 'NOT_SPECIFIED');
});

test('one reason may have several flags', () => {
  const flags = reasonFlags(readReasonNames(KERNEL, []));
  assert.deepEqual([...flags.subarray(2, 6)], [8, 2, 4, 2 | 4]);
});
