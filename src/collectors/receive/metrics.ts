// SPDX-License-Identifier: Apache-2.0
// The catalogue's part on the way from the guest or writer to the host, and on losses that no counter of the kernel's has.
import { core, counter, counters, histogram, type Metric, series, sinceDevice } from '../../metric.ts';
import type { Device } from '../../snapshot/device.ts';
import type { Queue } from '../../snapshot/queue.ts';

/** Subject labels: netns, device, queue. */
export const receiveQueueMetrics: readonly Metric<Queue>[] = [
  histogram(
    'tapscope_vhost_receive_batch_packets',
    'Packets in each batch that vhost-net handed over from the guest by this queue (frames of one tun_sendmsg); packets too large for a batch are in receive_packets only. Absent until there was one.',
    ({ receiveBatches }) => receiveBatches,
  ),
];

/** Subject labels: netns, device, queue. XDP's way towards the guest or reader. */
export const redirectQueueMetrics: readonly Metric<Queue>[] = [
  counter(
    'tapscope_queue_redirected_packets_total',
    'Frames towards the guest or reader that XDP redirected into the ring, past tun_net_xmit: in delivered, not in offered (tun_xdp_xmit). Absent until there was one.',
    ({ redirected }) => redirected?.enqueued,
  ),
  counter(
    'tapscope_queue_redirect_lost_packets_total',
    'Frames towards the guest or reader that XDP redirected to the ring and that had no room there; tx_dropped of the kernel grows by one per call, however many were lost (tun_xdp_xmit).',
    ({ redirected }) => redirected?.lost,
  ),
];

/** Subject labels: netns, device. */
export const receiveDeviceMetrics: readonly Metric<Device>[] = [
  core(
    sinceDevice(
      counter(
        'tapscope_receive_packets_total',
        'Packets from the guest or writer that tun passed on to the host, by the kernel (rx_packets of rtnl_link_stats64).',
        ({ counters }) => counters?.rxPackets,
      ),
    ),
  ),
  sinceDevice(
    counter(
      'tapscope_receive_bytes_total',
      'Bytes from the guest or writer that tun passed on to the host, by the kernel (rx_bytes of rtnl_link_stats64).',
      ({ counters }) => counters?.rxBytes,
    ),
  ),
  core(
    counters(
      'tapscope_receive_dropped_packets_total',
      'Packets from the guest or writer that tun freed instead of passing them on to the host, by kernel drop reason and function: tun_get_user, or tun_sendmsg, of which tun_xdp_one is a part (tracepoint skb:kfree_skb).',
      ['reason', 'location'],
      ({ receive }) =>
        (receive?.dropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
    ),
  ),
  core(
    counters(
      'tapscope_receive_host_dropped_packets_total',
      'Packets from the guest or writer that the host freed while they still had the tun device, by kernel drop reason and function: firewall (NETFILTER_DROP), rp_filter (IP_RPFILTER), no route, generic XDP, a protocol that the host does not handle (tracepoint skb:kfree_skb).',
      ['reason', 'location'],
      ({ receive }) =>
        (receive?.refusedByHost ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
    ),
  ),
  core(
    counters(
      'tapscope_receive_refused_writes_total',
      'Writes from the guest or writer that failed, by errno: the packet did not reach the host, and most have no other counter (tun_chr_write_iter, tun_sendmsg). EAGAIN: no room, nothing is lost yet.',
      ['errno'],
      ({ receive }) => (receive?.refused ?? []).map(({ errno, writes }) => series(writes, errno)),
    ),
  ),
  sinceDevice(
    counter(
      'tapscope_receive_bad_header_packets_total',
      'Packets from the guest or writer dropped for a virtio-net header that the kernel could not follow (tun_struct.rx_frame_errors).',
      ({ receive }) => receive?.frameErrors,
    ),
  ),
  core(
    sinceDevice(
      counters(
        'tapscope_uncounted_lost_packets_total',
        'Packets lost that no counter of the kernel shows, by cause. Towards the guest or reader: purged, resized, failed, overflowed as in queue_…_packets; stopped_queue: sent past the qdisc into a stopped queue (packet_direct_xmit); redirect: XDP frames without room beyond the one per call that the kernel counts (tun_xdp_xmit). From the guest or writer: bad_header, a virtio-net header of a tap that the kernel could not follow (tun_struct.rx_frame_errors).',
        ['cause'],
        (device) => device.uncounted.map(({ cause, packets }) => series(packets, cause)),
      ),
    ),
  ),
];
