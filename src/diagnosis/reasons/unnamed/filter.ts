// SPDX-License-Identifier: Apache-2.0
// Functions of traffic control and firewalls that free packets without a reason.

import { harmless, onHost } from '../drop-row.ts';
import { POLICY_ROWS } from '../policy-rows.ts';
import { QDISC_ROWS } from '../traffic-rows.ts';
import { rowsOf, same, type UnnamedRows } from './rows.ts';

export const FILTER: UnnamedRows = [
  ...rowsOf(QDISC_ROWS.QDISC_CONGESTED, [
    'fq_codel_dequeue',
    '__fq_codel_dequeue',
    'codel_qdisc_dequeue',
    '__codel_qdisc_dequeue',
    'drop_func',
    'cake_dequeue',
  ]),
  ...rowsOf(QDISC_ROWS.QDISC_GENERIC, [
    '__tcf_kfree_skb_list',
    'kfree_skb_list_reason',
    'kfree_skb_list',
    'tcf_qevent_handle',
  ]),
  ...same(harmless('they waited in a qdisc that was replaced or reset'), '__rtnl_unlock', 'qdisc_reset_queue'),
  ...rowsOf(POLICY_ROWS.NETFILTER_DROP, ['nf_hook_slow', 'nft_do_chain', 'nf_reinject', 'nf_hook_slow_list']),
  ...same(
    {
      class: 'meant',
      cause: 'a program that the firewall asks (NFQUEUE) dropped them, or does not read',
      remedies: [
        onHost(
          'cat /proc/net/netfilter/nfnetlink_queue',
          'Column 3 are packets that wait, 6 and 7 those dropped for a full queue.',
        ),
        onHost('nft list ruleset', 'Shows the rules that queue.'),
      ],
    },
    'nfqnl_reinject',
    'nf_queue',
    '__nf_queue',
    'nfqnl_enqueue_packet',
    'nfqnl_flush',
  ),
  ...same(
    {
      class: 'loss',
      cause: 'IPVS has no server for them',
      remedies: [onHost('ipvsadm -Ln --stats', 'Shows the services and their servers; one of weight 0 gets nothing.')],
    },
    'ip_vs_in_hook',
    'ip_vs_in',
    'ip_vs_nat_xmit',
    'ip_vs_dr_xmit',
    'ip_vs_tunnel_xmit',
    'ip_vs_leave',
  ),
];
