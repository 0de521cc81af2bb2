// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { mayBeInTxDropped } from './locations.ts';

for (const [reason, location, may] of [
  ['FULL_RING', 'tun_net_xmit', true],
  ['QDISC_DROP', '__dev_queue_xmit', true],
  ['QDISC_GENERIC', '__dev_queue_xmit', true],
  ['NOT_SPECIFIED', 'validate_xmit_skb', true],
  ['DEV_READY', 'kfree_skb_list_reason', true],
  ['RECURSION_LIMIT', 'other', true],
  ['NOT_SPECIFIED', undefined, true],
  ['QDISC_OVERLIMIT', '__dev_queue_xmit', false],
  ['QDISC_BURST_DROP', '__dev_queue_xmit', false],
  ['FQ_BAND_LIMIT', '__dev_queue_xmit', false],
  ['QDISC_DROP', '__rtnl_unlock', false],
  ['NOT_SPECIFIED', 'fq_codel_dequeue', false],
  ['NOT_SPECIFIED', '__codel_qdisc_dequeue', false],
  ['NOT_SPECIFIED', 'packet_xmit', false],
  ['NOT_SPECIFIED', 'br_dev_queue_push_xmit', false],
  ['NETFILTER_DROP', 'nf_hook_slow', false],
] as const)
  test(`${reason} in ${location} ${may ? 'may be' : 'is not'} in tx_dropped`, () => {
    assert.equal(mayBeInTxDropped({ reason, location }), may);
  });
