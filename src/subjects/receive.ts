// SPDX-License-Identifier: Apache-2.0
// The way from the guest or writer to the host: what tun frees of it or refuses.
import { byDevice, HashEntries } from '../engine/hash-entries.ts';
import { WRITE_LOCATIONS } from '../engine/locations.ts';
import { type ProbeEvent, WALK, WRITE_ENDS } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import { TUN_FLAGS } from '../engine/walk.ts';
import { errorName } from '../kernel/error-name.ts';
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { OtherDrop, RefusedWrites as Refused } from '../snapshot/device.ts';
import { core, counter, counters, directed, fromFirst, series, sinceDevice } from '../snapshot/metric.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'refused',
    measures: 'writes from the guest or writer that tun refuses, and whose packet it was that tun freed',
    besideAccounts: true,
    mechanisms: [
      {
        name: 'fexit',
        provides: ['refusals', WRITE_ENDS],
        programs: ['written_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_chr_write_iter', 2),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'only the writer knows what was refused; bad headers are told by device only',
        unavailable: always,
      },
    ],
  },
];

interface RefusedCount {
  readonly deviceId: bigint;
  readonly errno: string;
  readonly writes: number;
}

class RefusedWrites {
  readonly #entries: HashEntries;
  readonly #at: Readonly<Record<'device_id' | 'error', number>>;

  constructor(object: BpfObject) {
    this.#entries = new HashEntries(object, 'refused_writes');
    this.#at = layoutOf(object.btf(), 'refused_key', ['device_id', 'error']).at;
  }

  read(): readonly RefusedCount[] {
    return this.#entries.read().map(({ key, value }) => ({
      deviceId: key.getBigUint64(this.#at.device_id, true),
      errno: errorName(key.getUint32(this.#at.error, true)),
      writes: Number(value.getBigUint64(0, true)),
    }));
  }

  remove(devices: ReadonlySet<bigint>): void {
    this.#entries.removeWhere((key) => devices.has(key.getBigUint64(this.#at.device_id, true)));
  }
}

/** What an attached device starts with zeros for: what tun_chr_write_iter and tun_get_user themselves answer. */
const ERRORS = ['EAGAIN', 'EFAULT', 'EINVAL', 'EIO'];

function open({ probes: { can }, programs: { object }, freed, generations }: Parts): OpenSubject {
  const refusedWrites = new RefusedWrites(object);
  let refused: ReadonlyMap<bigint, readonly RefusedCount[]> = new Map();
  return {
    read: () => {
      refused = generations.compare(refused, byDevice(refusedWrites.read()));
    },
    device: ({ walked: { id, frameErrors, xdp, kind, tunFlags } }) => ({
      receive: {
        dropped: can('drops') ? (freed.towards.get(id) ?? []).filter(isWritten) : undefined,
        refusedByHost: can('drops-before') ? freed.fromGuest(id) : undefined,
        xdp,
        refused: can('refusals') ? withZeros(refused.get(id) ?? []) : undefined,
        frameErrors,
      },
      // The kernel shows them as frame errors of a tun device.
      uncounted:
        kind === 'tun' && (tunFlags & TUN_FLAGS.TAP) !== 0 ? [{ cause: 'bad_header', packets: frameErrors }] : [],
    }),
    devices: () => refused.keys(),
    remove: (gone) => refusedWrites.remove(gone),
  };
}

/** Freed by tun on the way from the guest, not on the way to it. */
function isWritten({ location }: OtherDrop): boolean {
  return WRITE_LOCATIONS.includes(location);
}

/** Whether a packet was wanted is no label. */
function byPlace(drops: readonly OtherDrop[]): readonly OtherDrop[] {
  const places = new Map<string, OtherDrop>();
  for (const drop of drops) {
    const place = `${drop.reason} ${drop.location}`;
    places.set(place, { ...drop, packets: drop.packets + (places.get(place)?.packets ?? 0) });
  }
  return [...places.values()];
}

function withZeros(counted: readonly RefusedCount[]): readonly Refused[] {
  const missing = ERRORS.filter((name) => !counted.some(({ errno }) => errno === name));
  return [
    ...counted.map(({ errno, writes }) => ({ errno, writes })),
    ...missing.map((errno) => ({ errno, writes: 0 })),
  ];
}

export const receive: Subject = {
  name: 'receive',
  events: EVENTS,
  symbols: ['tun_chr_write_iter'],
  open,
  direction: 'receive',
  metrics: {
    device: [
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
          'Packets from the guest or writer that the host freed, on the way through it or out by another device, by kernel drop reason and function: firewall (NETFILTER_DROP), rp_filter (IP_RPFILTER), no route, a full socket or qdisc, XDP behind tun; also broadcasts that the host has no use for (tracepoint skb:kfree_skb).',
          ['reason', 'location'],
          ({ receive }) =>
            byPlace(receive?.refusedByHost ?? []).map(({ reason, location, packets }) =>
              series(packets, reason, location),
            ),
        ),
      ),
      core(
        fromFirst(
          counters(
            'tapscope_receive_refused_writes_total',
            'Writes from the guest or writer that failed, by errno: the packet did not reach the host, and most have no other counter (tun_chr_write_iter, tun_sendmsg). EAGAIN: no room, nothing is lost yet.',
            ['errno'],
            ({ receive }) => (receive?.refused ?? []).map(({ errno, writes }) => series(writes, errno)),
          ),
        ),
      ),
      sinceDevice(
        fromFirst(
          counter(
            'tapscope_receive_bad_header_packets_total',
            'Packets from the guest or writer dropped for a virtio-net header that the kernel could not follow (tun_struct.rx_frame_errors).',
            ({ receive }) => receive?.frameErrors,
          ),
        ),
      ),
      directed(
        undefined,
        core(
          sinceDevice(
            fromFirst(
              counters(
                'tapscope_uncounted_lost_packets_total',
                'Packets lost that no counter of the kernel shows, by cause. Towards the guest or reader: purged, resized, failed, overflowed as in queue_…_packets; stopped_queue: sent past the qdisc into a stopped queue (packet_direct_xmit); redirect: XDP frames without room beyond the one per call that the kernel counts (tun_xdp_xmit). From the guest or writer: bad_header, a virtio-net header of a tap that the kernel could not follow (tun_struct.rx_frame_errors).',
                ['cause'],
                (device) => device.uncounted.map(({ cause, packets }) => series(packets, cause)),
              ),
            ),
          ),
        ),
      ),
    ],
  },
};
