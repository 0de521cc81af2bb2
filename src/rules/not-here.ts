// SPDX-License-Identifier: Apache-2.0
import type { Finding } from './finding.ts';
import { lossBefore } from './loss.ts';
import { onDevice } from './on.ts';
import type { Rule } from './rule.ts';
import { type DeviceSpan, grown, type Window } from './window.ts';
import { count, nameOf } from './words.ts';

export const notHere: Rule = {
  name: 'not-here',
  summary: 'asked about one device: packets are lost elsewhere, not between the host and its guest or reader',
  explanation:
    'Given only when one device is asked about, and nothing is wrong with it. Every boundary was watched without a gap: qdisc and bridge in front of the device, its ring, its reader, and the way back. Whoever misses packets has to look further: in the guest, in the user-space stack of a VPN (its own socket’s buffer), or in the network behind.\n\n' +
    'It is not given where something could not be seen, or figures are not exact: then nobody knows.',
  speaksOf: 'clean',
  needs: ['devices', 'freed', 'before', 'transmit'],
  judge: (window, asked) => (asked && isWatched(asked, window) ? clean(asked) : []),
};

function isWatched({ now, queues }: DeviceSpan, { agent }: Window): boolean {
  const sure = now.degraded.length === 0 && queues.every((queue) => queue.now.degraded.length === 0);
  return (
    sure &&
    now.up &&
    now.counters !== undefined &&
    agent.level === 'exact' &&
    agent.probes.every(({ attached }) => attached)
  );
}

function clean(device: DeviceSpan): readonly Finding[] {
  const inTun = grown(device, ({ counters }) => counters?.txDropped) ?? 0;
  const before = lossBefore(device, () => true)?.lost ?? 0;
  const unseen = grown(device, ({ uncounted }) => uncounted.reduce((sum, { packets }) => sum + packets, 0)) ?? 0;
  const given = grown(device, ({ counters }) => counters?.txPackets) ?? 0;
  const got = grown(device, ({ counters }) => counters?.rxPackets) ?? 0;
  const waiting = device.queues.reduce((sum, { now: { ring } }) => sum + (ring?.occupancy ?? 0), 0);
  const lost = inTun + before + unseen;
  const told =
    given + got + lost + waiting === 0
      ? 'saw no packet in either direction: whoever misses some has to look before it'
      : lost === 0
        ? 'lost no packet here: whoever misses some has to look elsewhere'
        : `lost only ${count(lost)} packets here: whoever misses more has to look elsewhere`;
  return [
    onDevice(device, {
      rule: 'not-here',
      severity: 'info',
      cause: `${nameOf(device)} ${told}.`,
      evidence: [
        `${count(given)} packets to its guest or reader and ${count(got)} from it passed in ${device.seconds.toFixed(0)} s, ${count(waiting)} wait`,
        `${count(before)} lost before tun, ${count(inTun)} in it, ${count(unseen)} that the kernel does not count`,
      ],
      remedies: [
        look(
          'nstat -az UdpRcvbufErrors UdpSndbufErrors',
          'Of a VPN: packets that its own socket had no room for.',
          'host',
        ),
        look('ethtool -S eth0', 'In the guest: drops and errors of its driver and rings.', 'guest'),
      ],
      rejected: [],
      confidence: 'medium',
    }),
  ];
}

function look(command: string, effect: string, by: 'host' | 'guest'): Finding['remedies'][number] {
  return { command, effect, lossless: true, restart: false, by };
}
