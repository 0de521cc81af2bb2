// SPDX-License-Identifier: Apache-2.0
// Packets that stand in the qdiscs in front of a device: no counter of tun has them, and each waits for all before it.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always } from '../engine/unavailable.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { counter, fromFirst, full, gauge } from '../snapshot/metric.ts';
import { type Standing, StandingPackets } from './standing-packets.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'backlogs',
    measures: 'how long packets stand in the qdiscs in front of devices',
    mechanisms: [
      {
        name: 'looks',
        provides: ['backlogs'],
        programs: ['sample_backlogs'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: always,
      },
    ],
  },
];

/** Reads the backlog of devices again, between two walks. */
class BacklogLooks {
  readonly #object: BpfObject;
  readonly #request: Layout<'count' | 'devices'>;
  readonly #device: Layout<'device' | 'device_id' | 'packets'>;
  readonly #most: number;

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#object = object;
    this.#request = layoutOf(btf, 'backlog_sample', ['count', 'devices']);
    this.#device = layoutOf(btf, 'sampled_backlog', ['device', 'device_id', 'packets']);
    this.#most = Math.floor((this.#request.size - this.#request.at.devices) / this.#device.size);
  }

  /** Packets of each; 0 of a device that is gone. */
  read(devices: readonly Standing[]): readonly number[] {
    const packets: number[] = [];
    for (let first = 0; first < devices.length; first += this.#most)
      packets.push(...this.#readSome(devices.slice(first, first + this.#most)));
    return packets;
  }

  #readSome(devices: readonly Standing[]): readonly number[] {
    const context = new Uint8Array(this.#request.size);
    const view = new DataView(context.buffer);
    const { at, size } = this.#device;
    const placeOf = (index: number): number => this.#request.at.devices + index * size;
    view.setUint32(this.#request.at.count, devices.length, true);
    for (const [index, { id, address }] of devices.entries()) {
      view.setBigUint64(placeOf(index) + at.device, address, true);
      view.setBigUint64(placeOf(index) + at.device_id, id, true);
    }
    this.#object.testRun('sample_backlogs', context);
    return devices.map((_, index) => view.getUint32(placeOf(index) + at.packets, true));
  }
}

function open({ probes: { can }, programs: { object } }: Parts): OpenSubject {
  if (!can('backlogs')) return {};
  const looks = new BacklogLooks(object);
  const standing = new StandingPackets();
  return {
    changesWithTime: ({ id }) => standing.isStanding(id),
    device: ({ walked: { backlog, id, address }, nowNs }) => {
      if (backlog === undefined) return {};
      return { backlog: { ...backlog, packetSeconds: standing.update({ id, address }, backlog.packets, nowNs) } };
    },
    isPressed: () => standing.now.length > 0,
    betweenSamples: () => {
      const devices = standing.now;
      if (devices.length === 0) return false;
      const atNs = Number(process.hrtime.bigint());
      for (const [index, packets] of looks.read(devices).entries()) {
        const device = devices[index];
        if (device) standing.update(device, packets, atNs);
      }
      return standing.now.length > 0;
    },
    keepOnly: (present) => standing.keepOnly(present),
  };
}

export const qdisc: Subject = {
  name: 'qdisc',
  events: EVENTS,
  open,
  direction: 'transmit',
  metrics: {
    device: [
      gauge(
        'tapscope_qdisc_backlog_packets',
        'Packets that stand in the qdiscs in front of the device (Qdisc.q.qlen of the root, which has those of its children; with mq the sum over its queues). Absent: no qdisc that holds packets, or pfifo_fast without IFF_BACKPRESSURE, in which none stays.',
        ({ backlog }) => backlog?.packets,
      ),
      full(
        gauge(
          'tapscope_qdisc_backlog_bytes',
          'Bytes that stand in the qdiscs in front of the device (Qdisc.qstats.backlog).',
          ({ backlog }) => backlog?.bytes,
        ),
      ),
      fromFirst(
        counter(
          'tapscope_qdisc_backlog_packet_seconds_total',
          'Packets in the qdiscs in front of the device times the seconds for which they stood there, at least, by samples every 25 to 75 ms while there are any. Its rate, divided by that of the packets offered to tun, is the mean time that a packet waits in the qdisc (Little’s law).',
          ({ backlog }) => backlog?.packetSeconds,
        ),
      ),
      full(
        counter(
          'tapscope_qdisc_dropped_packets_total',
          'Packets that the qdiscs in front of the device dropped, those of their children included (Qdisc.qstats.drops); begins anew with the qdisc, and is in tapscope_device_other_dropped_packets_total too.',
          ({ backlog }) => backlog?.dropped,
        ),
      ),
      full(
        counter(
          'tapscope_qdisc_requeues_total',
          'Packets that were taken out of the qdisc and put back, most often because the queue was stopped meanwhile (Qdisc.qstats.requeues); begins anew with the qdisc.',
          ({ backlog }) => backlog?.requeues,
        ),
      ),
    ],
  },
};
