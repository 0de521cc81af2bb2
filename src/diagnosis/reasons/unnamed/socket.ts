// SPDX-License-Identifier: Apache-2.0
// Functions of sockets that free packets without a reason.
import { errorCounters, harmless, onHost } from '../drop-row.ts';
import { same, type UnnamedRows } from './rows.ts';

export const SOCKET: UnnamedRows = [
  ...same(
    {
      class: 'noise',
      cause: 'TCP had no use for them: no socket, a wrong checksum, or a segment out of place',
      remedies: [errorCounters],
    },
    'tcp_v4_rcv',
    'tcp_v6_rcv',
    'tcp_v4_do_rcv',
    'tcp_v6_do_rcv',
    'tcp_rcv_state_process',
    'tcp_rcv_established',
    'tcp_validate_incoming',
    'tcp_data_queue',
    'tcp_ack',
    'tcp_drop',
    'tcp_add_backlog',
  ),
  ...same(
    {
      class: 'noise',
      cause: 'UDP could not deliver them: no socket, a full one, a wrong checksum, or a tunnel that refuses them',
      remedies: [
        onHost(
          'ss -nuamp',
          'Shows each UDP socket with its buffer (skmem: rb the limit, d the drops) and its program.',
        ),
        errorCounters,
      ],
    },
    'udp_rcv',
    '__udp4_lib_rcv',
    'udp_queue_rcv_one_skb',
    'udp_queue_rcv_skb',
    'udp_unicast_rcv_skb',
    '__udp6_lib_rcv',
    'udpv6_rcv',
    'udpv6_queue_rcv_one_skb',
    'udpv6_queue_rcv_skb',
  ),
  ...same(
    harmless('copies for raw sockets that did not take them'),
    'raw_rcv',
    'raw_rcv_skb',
    'raw_local_deliver',
    'rawv6_rcv',
    'rawv6_rcv_skb',
  ),
  ...same(
    harmless('they waited in a socket that was closed'),
    'skb_queue_purge',
    'skb_queue_purge_reason',
    'inet_sock_destruct',
    'tcp_write_queue_purge',
    'sk_stream_kill_queues',
    'skb_rbtree_purge',
    'udp_destruct_common',
    'tcp_v4_destroy_sock',
  ),
];
