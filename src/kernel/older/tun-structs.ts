// SPDX-License-Identifier: Apache-2.0
// The structs of drivers/net/tun.c where the kernel has no types of its modules (before Linux 5.11), as the source of each release has them.
// What they are made of is in the kernel's own types, so that the places of their fields follow from its configuration.
import type { AddedField, AddedStruct } from '../../../addon/btf-types.d.ts';

const CACHE_LINE = 64; // SMP_CACHE_BYTES of x86-64 and arm64

const field = (name: string, type: string, more: Partial<AddedField> = {}): AddedField => ({ name, type, ...more });
const pointer = (name: string, more: Partial<AddedField> = {}): AddedField => field(name, 'pointer', more);

const LINUX_5_10: readonly AddedStruct[] = [
  {
    name: 'tun_pcpu_stats',
    fields: [
      field('rx_packets', 'long unsigned int'),
      field('rx_bytes', 'long unsigned int'),
      field('tx_packets', 'long unsigned int'),
      field('tx_bytes', 'long unsigned int'),
      field('rx_dropped', 'unsigned int'), // behind struct u64_stats_sync, which has no bytes on 64 bits
      field('tx_dropped', 'unsigned int'),
      field('rx_frame_errors', 'unsigned int'),
    ],
  },
  {
    name: 'tap_filter',
    fields: [
      field('count', 'unsigned int'),
      field('mask', 'unsigned int', { count: 2 }),
      field('addr', 'unsigned char', { count: 48 }), // 8 Ethernet addresses
    ],
  },
  {
    name: 'tun_file',
    fields: [
      field('sk', 'struct sock'),
      field('socket', 'struct socket', { align: CACHE_LINE }),
      pointer('tun'),
      pointer('fasync'),
      field('flags', 'unsigned int'),
      field('queue_index', 'short unsigned int', { align: 4 }), // in a union with an unsigned int
      field('napi', 'struct napi_struct'),
      field('napi_enabled', '_Bool'),
      field('napi_frags_enabled', '_Bool'),
      field('napi_mutex', 'struct mutex'),
      field('next', 'struct list_head'),
      pointer('detached'),
      field('tx_ring', 'struct ptr_ring', { align: CACHE_LINE }),
      field('xdp_rxq', 'struct xdp_rxq_info', { align: CACHE_LINE }),
    ],
  },
  {
    name: 'tun_struct',
    fields: [
      pointer('tfiles', { count: 256 }),
      field('numqueues', 'unsigned int'),
      field('flags', 'unsigned int'),
      field('owner', 'kuid_t'),
      field('group', 'kgid_t'),
      pointer('dev'),
      field('set_features', 'netdev_features_t'),
      field('align', 'int'),
      field('vnet_hdr_sz', 'int'),
      field('sndbuf', 'int'),
      field('txflt', 'struct tap_filter'),
      field('fprog', 'struct sock_fprog'),
      field('filter_attached', '_Bool'),
      field('msg_enable', 'unsigned int'),
      field('lock', 'spinlock_t'),
      field('flows', 'struct hlist_head', { count: 1024 }),
      field('flow_gc_timer', 'struct timer_list'),
      field('ageing_time', 'long unsigned int'),
      field('numdisabled', 'unsigned int'),
      field('disabled', 'struct list_head'),
      pointer('security'),
      field('flow_count', 'unsigned int'),
      field('rx_batched', 'unsigned int'),
      pointer('pcpu_stats'),
      pointer('xdp_prog'),
      pointer('steering_prog'),
      pointer('filter_prog'),
    ],
  },
];

/** By the release's first two numbers. */
export const TUN_STRUCTS: ReadonlyMap<string, readonly AddedStruct[]> = new Map([['5.10', LINUX_5_10]]);
