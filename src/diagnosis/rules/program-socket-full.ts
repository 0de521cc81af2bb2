// SPDX-License-Identifier: Apache-2.0

import { refusedByHost } from '../evidence/from-guest.ts';
import { fullRing } from '../evidence/full-ring.ts';
import { gravityOf, type Loss, lossOf, ringLoss, severityOf } from '../evidence/loss.ts';
import { type SocketSpan, socketsOf, takesNone, waitsToSend } from '../evidence/program-side.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespace } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** A sample that finds it this full saw it on the way to an overflow. */
const NEARLY_FULL = 0.5;
const LARGER = 8_388_608;
/** Reasons of packets that a socket drops; Linux gives none before 5.17. */
const AT_SOCKETS: readonly string[] = ['SOCKET_RCVBUFF', 'SOCKET_FILTER', 'UDP_CSUM', 'PROTO_MEM', 'NOT_SPECIFIED'];

export const programSocketFull: Rule = {
  name: 'program-socket-full',
  summary: 'a socket of the program that holds the device is full: packets are lost beside the tunnel',
  explanation:
    'A VPN or user-mode network has sockets beside its tun, on which it sends what it reads and gets what it writes. Packets that come while such a socket’s receive buffer is full are dropped there, before the device has seen them: the device itself shows no loss. ' +
    'The kernel counts drops for each socket; those with a wrong checksum are among them. The sockets are found through the descriptors of the program, of its parent and of its children that run the same program, in whichever network namespace they are; of packet sockets those that are bound to another device. Drops of a TCP socket that listens are connection requests: its accept queue was full, which is told apart. What came from the device itself is host-refuses.\n\n' +
    'A full send buffer is told of UDP and unix sockets, whose sends are refused or wait then, and of TCP if the device loses packets at the same time: a connection that is used to its limit is no fault by itself. Unix datagrams are refused, or wait, when the other end holds as many as it may, which is told too; losses at the ring of a program that waits so are explained by its socket. These figures are read only while somebody asks.',
  symptom: 'program-socket',
  needs: ['devices'],
  judge: (window) =>
    window.devices.flatMap((device) => {
      const fromDevice = refusedByHost(device, ({ reason }) => AT_SOCKETS.includes(reason));
      const sockets = socketsOf(device).map((span) => withoutThose(span, fromDevice));
      const [fullest] = mostLosing(sockets.filter(({ socket }) => !socket.isListening));
      const [refused] = mostLosing(sockets.filter(({ socket }) => socket.isListening));
      const held = sockets.find((span) => waitsToSend(span) && (span.socket.kind !== 'TCP' || losesPackets(device)));
      const idle = sockets.find(takesNone);
      return [
        ...(fullest ? [overflow(device, fullest, sockets, window)] : []),
        ...(refused ? [unaccepted(device, refused, window)] : []),
        ...(held ? [heldUp(device, held, window)] : []),
        ...(idle && !held && !fullest ? [refusing(device, idle, window)] : []),
      ];
    }),
};

function mostLosing(sockets: readonly SocketSpan[]): readonly SocketSpan[] {
  return sockets.filter(({ loss }) => severityOf(loss)).toSorted((a, b) => b.loss.lost - a.loss.lost);
}

/** What came from the device itself, and is host-refuses: a socket of the program may be where that goes to. */
function withoutThose(span: SocketSpan, fromDevice: number): SocketSpan {
  const { lost, offered } = span.loss;
  return { ...span, loss: lossOf(Math.max(0, lost - fromDevice), offered - lost, span.seconds) };
}

function losesPackets({ queues }: DeviceSpan): boolean {
  return queues.some((queue) => {
    const loss = ringLoss(queue);
    return (loss !== undefined && severityOf(loss) !== undefined) || fullRing(queue)?.cause === 'sending';
  });
}

/** At rings that are full because what was read before cannot leave. */
function lossesMeanwhile({ queues }: DeviceSpan): readonly Loss[] {
  return queues.flatMap((queue) => {
    const seen = fullRing(queue);
    return seen?.cause === 'sending' ? [seen.loss] : [];
  });
}

function overflow(
  device: DeviceSpan,
  { socket, loss, fullest, seconds }: SocketSpan,
  sockets: readonly SocketSpan[],
  window: Window,
): Diagnosis {
  const others = sockets.filter((one) => one.socket !== socket && one.loss.lost > 0);
  return onDevice(device, {
    severity: severityOf(loss) ?? 'warning',
    explains: loss.lost,
    brief: `${loses(loss)}: the ${nameOfSocket(socket)} of ${socket.comm} (${socket.pid}) overflows`,
    cause: `${nameOf(device)}: the ${nameOfSocket(socket)} of ${whose(socket)} overflowed: ${several(loss.lost, 'packet was', 'packets were')} dropped there in ${seconds.toFixed(0)} s.`,
    evidence: [
      `${several(loss.lost, 'packet')} dropped by this socket, ${count(loss.offered - loss.lost)} written to the device meanwhile: ${percent(loss.share)} lost`,
      `its receive buffer has room for ${count(socket.receiveLimit)} bytes as the kernel charges them; ${percent(Math.min(1, fullest))} of it was used in the fullest sample`,
      `${count(socket.drops)} dropped since it was opened`,
      others.length > 0
        ? `${count(others.reduce((sum, one) => sum + one.loss.lost, 0))} by ${others.length} other sockets of it`
        : undefined,
    ],
    remedies: [
      ...(socket.kind === 'unix' ? [] : [largerBuffer(device, socket.receiveLimit)]),
      lookAtSockets(socket, window),
      counterOf(socket, window),
    ],
    rejected: [],
    confidence: fullest >= NEARLY_FULL ? 'high' : 'medium',
  });
}

/** No packet of the device: who connects to its program is not served. */
function unaccepted(device: DeviceSpan, { socket, loss, seconds }: SocketSpan, window: Window): Diagnosis {
  return onDevice(device, {
    severity: 'warning',
    brief: `clients are not served: ${socket.comm} (${socket.pid}) does not accept on port ${socket.localPort}`,
    cause: `${nameOf(device)}: the accept queue of the ${nameOfSocket(socket)} of ${whose(socket)} was full: ${several(loss.lost, 'connection request was', 'connection requests were')} dropped there in ${seconds.toFixed(0)} s.`,
    evidence: [
      `${several(loss.lost, 'request')} dropped by this listening socket; ${count(socket.drops)} since it was opened`,
      'the kernel drops a request while as many connections as the program allows (the backlog of listen()) wait for accept()',
    ],
    remedies: [
      {
        command: inNamespace(socket.netns, window, 'ss -ltnp'),
        effect:
          'Shows who listens: a Recv-Q as large as Send-Q is a program that does not accept, or has too short a queue.',
        lossless: true,
        restart: false,
        by: 'host',
      },
      {
        command: inNamespace(socket.netns, window, 'sysctl -w net.core.somaxconn=16384'),
        effect:
          'Allows a longer queue; then let the program ask for it. It helps against bursts, not a program that does not accept.',
        lossless: true,
        restart: true,
        by: 'host',
      },
    ],
    rejected: [],
    confidence: 'high',
  });
}

function heldUp(device: DeviceSpan, { socket, samples, fullToSend }: SocketSpan, window: Window): Diagnosis {
  const losses = lossesMeanwhile(device);
  const lost = losses.reduce((sum, loss) => sum + loss.lost, 0);
  const what = socket.isPeerFull ? 'other end of the' : 'send buffer of the';
  return onDevice(device, {
    severity: losses.some((loss) => gravityOf(loss) === 'critical') ? 'critical' : 'warning',
    ...(lost > 0 && { explains: lost }),
    brief: `is held up: the ${nameOfSocket(socket)} of ${socket.comm} (${socket.pid}) cannot send`,
    cause: `${nameOf(device)}: the ${what} ${nameOfSocket(socket)} of its program, ${socket.comm} (pid ${socket.pid}), is full: what it reads cannot leave${lost > 0 ? `, and ${several(lost, 'packet was', 'packets were')} lost at its full ring` : ''}.`,
    evidence: [
      socket.isPeerFull
        ? `full in ${fullToSend} of ${samples} samples: it holds more datagrams than net.unix.max_dgram_qlen, and is not read`
        : `full in ${fullToSend} of ${samples} samples: ${count(socket.sent)} bytes wait, ${count(socket.sendLimit)} are its limit`,
      socket.hasRefused ? 'sends were refused or had to wait' : undefined,
    ],
    remedies: [
      {
        command: inNamespace(socket.netns, window, 'tc -s qdisc show'),
        effect: 'Look for the device with a backlog: its packets wait there, or for a peer that takes none.',
        lossless: true,
        restart: false,
        by: 'host',
      },
      lookAtSockets(socket, window),
    ],
    rejected: [],
    confidence: 'medium',
  });
}

function refusing(device: DeviceSpan, { socket, samples, fullToReceive }: SocketSpan, window: Window): Diagnosis {
  return onDevice(device, {
    severity: 'warning',
    brief: `is held up: the ${nameOfSocket(socket)} of ${socket.comm} (${socket.pid}) is full`,
    cause: `${nameOf(device)}: the ${nameOfSocket(socket)} of ${whose(socket)} is full and not read: whoever sends to it is refused, or waits.`,
    evidence: [
      `full in ${fullToReceive} of ${samples} samples: it holds more datagrams than net.unix.max_dgram_qlen allowed when it was opened`,
    ],
    remedies: [lookAtSockets(socket, window)],
    rejected: [],
    confidence: 'medium',
  });
}

/** 'its program, openvpn (pid 812),' */
function whose({ comm, pid, isRelative }: SocketSpan['socket']): string {
  const name = `${comm} (pid ${pid})`;
  return isRelative ? `${name}, which belongs to its program,` : `its program, ${name},`;
}

/** 'UDP socket of port 1194' */
function nameOfSocket({ kind, localPort, inode }: SocketSpan['socket']): string {
  return localPort > 0 ? `${kind} socket of port ${localPort}` : `${kind} socket ${inode}`;
}

function largerBuffer({ queues }: DeviceSpan, limit: number): Remedy {
  const program = queues.find(({ now }) => now.owner?.identity)?.now.owner?.identity?.program;
  const wanted = Math.max(LARGER, 4 * limit);
  const option = program === 'openvpn' ? `its options rcvbuf and sndbuf (${wanted})` : 'its own option, or SO_RCVBUF';
  return {
    command: `sysctl -w net.core.rmem_max=${wanted}`,
    effect: `Allows a larger buffer; then let the program ask for it by ${option}. It helps against bursts, not a program too slow.`,
    lossless: true,
    restart: true,
    by: 'host',
  };
}

const SHOWS: Readonly<Record<SocketSpan['socket']['kind'], string>> = {
  UDP: 'ss -uamnp',
  TCP: 'ss -tamnpi',
  raw: 'ss -wamnp',
  unix: 'ss -xamnp',
  packet: 'ss -0amnp',
};

function lookAtSockets({ kind, netns, inode }: SocketSpan['socket'], window: Window): Remedy {
  return {
    command: inNamespace(netns, window, SHOWS[kind]),
    effect: `Shows its buffers and drops: r what waits, rb the limit, d drops. This one is inode ${inode} (ss -e).`,
    lossless: true,
    restart: false,
    by: 'host',
  };
}

function counterOf({ netns }: SocketSpan['socket'], window: Window): Remedy {
  return {
    command: inNamespace(netns, window, 'nstat -az UdpRcvbufErrors UdpSndbufErrors'),
    effect: 'Counts packets for which UDP sockets of that namespace had no room; drops without it are wrong checksums.',
    lossless: true,
    restart: false,
    by: 'host',
  };
}
