// SPDX-License-Identifier: Apache-2.0

import { type Reads, readsOf } from '../evidence/program-side.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, nameOf, percent, readerName, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** Of the bytes: a packet information header of 4 bytes that has no room cuts 0.3 % of long packets. */
const WARNING_SHARE = 0.001;
const CRITICAL_SHARE = 0.02;
const USUAL_MTU = 1500;

export const shortReads: Rule = {
  name: 'short-reads',
  summary: 'the program reads packets into a buffer that is too small, and the kernel cuts off the rest',
  explanation:
    'A read() returns one packet. If the buffer is smaller, the kernel fills it, throws the rest away and counts the packet as transmitted. No counter shows it, and the far end drops what is left. ' +
    'It begins when an MTU is raised while the program runs, or where a program has room for the packet but not for the header before it: packet information (4 bytes, without IFF_NO_PI) or a virtio-net header.\n\n' +
    'It is known by what the device handed out (tx_bytes and these headers) against what its readers got from all files together (rchar of /proc/PID/io). A deficit is certain. Where a program reads much else too, a cut may not show; the answer to a question about the device then says so. Reads of an io_uring are in no account.',
  symptom: 'cut-reads',
  needs: ['devices'],
  judge: (window) => window.devices.flatMap((device) => cutReads(device, window)),
};

function cutReads(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const reads = readsOf(device);
  const share = reads ? reads.cut / reads.handedOut : 0;
  if (!reads || share < WARNING_SHARE) return [];
  const reader = device.queues[0] ? readerName(device.queues[0]) : 'unknown';
  return [
    onDevice(device, {
      severity: share >= CRITICAL_SHARE ? 'critical' : 'warning',
      brief: `loses the ends of its packets: ${reader} reads into too small a buffer`,
      cause: `${nameOf(device)}: its reader, ${reader}, reads into too small a buffer: the kernel cut off at least ${count(reads.cut)} of ${count(reads.handedOut)} bytes.`,
      evidence: [
        `${several(reads.packets, 'packet')} of ${count(reads.handedOut / reads.packets)} bytes on average were handed out in ${reads.seconds.toFixed(0)} s, with their headers`,
        `they got at most ${count(reads.got)} bytes from all they read, ${count(reads.got / reads.packets)} a packet: ${percent(share)} is missing`,
        `its MTU is ${count(reads.side.mtu ?? 0)}${headerOf(reads)}`,
        'the kernel counts these packets as transmitted; the far end drops what is left of them',
      ],
      remedies: remediesOf(reads, device, window),
      rejected: [],
      confidence: 'high',
    }),
  ];
}

function headerOf({ side: { readHeader = 0 } }: Reads): string {
  return readHeader > 0 ? `, and each read begins with a header of ${readHeader} bytes` : '';
}

/** Ethernet header and VLAN tag. */
const LINK_HEADER = 18;
/** The shortest header that has no room. */
const LEAST_HEADER = 4;

/** A longer MTU than the usual one was raised; where little is cut, a header has no room. Else nobody knows the size of the buffer. */
function fittingMtu(reads: Reads, device: DeviceSpan): number | undefined {
  const { mtu = 0, readHeader = 0 } = reads.side;
  if (mtu > USUAL_MTU) return USUAL_MTU;
  if (reads.cut >= CRITICAL_SHARE * reads.handedOut) return undefined;
  return mtu - Math.max(readHeader, LEAST_HEADER) - (device.now.kind === 'tap' ? LINK_HEADER : 0);
}

function remediesOf(reads: Reads, device: DeviceSpan, window: Window): Diagnosis['remedies'] {
  const { mtu = 0, readHeader = 0 } = reads.side;
  const fitting = fittingMtu(reads, device);
  const isFrames = device.now.kind === 'tap';
  const larger: Remedy = {
    command: undefined,
    effect: `${fitting === undefined ? 'Let' : 'Or let'} the program read into ${count(mtu + readHeader)} bytes or more: the MTU${readHeader > 0 ? ' and its header' : ''}${isFrames ? `, and ${LINK_HEADER} for Ethernet and a VLAN tag` : ''}. OpenVPN: tun-mtu.`,
    lossless: false,
    restart: true,
    by: 'vmm',
  };
  if (fitting === undefined) return [larger];
  return [
    {
      command: setLink(device, window, `mtu ${fitting}`),
      effect: 'Lets no packet be longer than what it reads, if its buffer has room for that much; connections adapt.',
      lossless: true,
      restart: false,
      by: 'host',
    },
    larger,
  ];
}
