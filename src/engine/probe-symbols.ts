// SPDX-License-Identifier: Apache-2.0
import { LOCATION_SYMBOLS } from './locations.ts';
import { SKB_PATH_SYMBOLS } from './skb-paths.ts';

/** Kernel functions that probes look up: for readHost(). */
export const PROBE_SYMBOLS: readonly string[] = [
  ...LOCATION_SYMBOLS,
  ...SKB_PATH_SYMBOLS,
  '__tun_wake_queue',
  'tun_wake_queue',
  'sock_rfree',
  'tun_chr_close',
  'tap_release',
  'vhost_net_release',
  'default_wake_function',
  'pollwake',
  'ep_poll_callback',
  'tun_free_netdev',
  'netif_tx_wake_queue',
  'tun_force_wake_queue',
  '__tun_detach',
  'tun_net_close',
  'vhost_net_buf_peek',
  'vhost_discard_vq_desc',
  'vhost_zerocopy_complete',
  'vhost_zerocopy_callback',
  'tun_chr_write_iter',
  'tun_xdp_xmit',
  'macvtap_newlink',
  'ipvtap_newlink',
];
