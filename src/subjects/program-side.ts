// SPDX-License-Identifier: Apache-2.0
// The program's side of a device, while a person asks: sockets beside it, what reads got, send buffers, and how writes spread flows.
import { isDeepStrictEqual } from 'node:util';
import { FlowTables } from '../engine/flow-tables.ts';
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { ProgramFiles, QueueFile } from '../engine/program-files.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, withoutSymbols } from '../engine/unavailable.ts';
import { TUN_FLAGS, type WalkedDevice } from '../engine/walk.ts';
import type { ProgramSide, ProgramSocket, SendBuffer } from '../snapshot/program.ts';
import { ReadersReads } from './readers-reads.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'programs',
    measures: 'sockets, reads, send buffers and flows of the programs that hold queues, while a person asks',
    mechanisms: [
      {
        name: 'iterator',
        provides: ['program-files'],
        programs: ['program_files', 'count_flows'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: withoutSymbols,
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'a full socket, send buffer or read buffer of a program is not seen',
        unavailable: always,
      },
    ],
  },
];

/** Of a device, in a snapshot. */
const MOST_SOCKETS = 64;
const PACKET_INFORMATION_BYTES = 4;

/** A device as it was made last. */
interface Shown {
  readonly side: ProgramSide | undefined;
  /** In the order of its walked queues. */
  readonly sends: readonly (SendBuffer | undefined)[];
}

function open({ probes, programs, programFiles }: Parts): OpenSubject {
  if (!probes.can('program-files')) return {};
  const flows = new FlowTables(programs.objectOf('count_flows'));
  const reads = new ReadersReads(programs.object);
  const shown = new Map<bigint, Shown>();

  const lookAt = (walked: WalkedDevice): Shown => {
    const files = walked.queues.map(({ tunFile, file }) => programFiles.find(tunFile, file));
    const found = files.flatMap((file) => file ?? []);
    const holders = [...new Set(found.flatMap((file) => file.holders))];
    return {
      side: holders.length > 0 ? sideOf(walked, found, holders) : undefined,
      sends: files.map((file) => file?.send),
    };
  };

  const sideOf = (walked: WalkedDevice, files: readonly QueueFile[], holders: readonly ProgramFiles[]): ProgramSide => {
    const attached = walked.queues.filter(({ detached }) => !detached);
    const flowTable = attached.length > 1 ? flows.read(attached[0]?.tunFile ?? 0n, attached.length) : undefined;
    const read = reads.of(walked, holders);
    const writes = reads.writesOf(walked, holders);
    const mtu = files.find((file) => file.mtu > 0)?.mtu;
    return {
      holders: holders.length,
      sockets: socketsOf(holders, walked),
      ...(typeof read === 'object' && { reads: read }),
      ...(writes && { writes }),
      ...(flowTable && { flowTable }),
      ...(mtu !== undefined && { mtu }),
      readHeader: headerOf(walked, files),
      unreadable: [
        ...(typeof read === 'string' ? [read] : []),
        ...(holders.some(({ hasMore }) => hasMore) ? ['its program has more sockets than are looked at'] : []),
      ],
    };
  };

  return {
    addTo: (rows, isShown) => {
      if (isShown) reads.begin();
      return rows;
    },
    read: (isLast) => {
      if (isLast) return;
      reads.end();
      programFiles.refresh();
      if (!programFiles.areRead) reads.forget();
    },
    see: (walked) => {
      shown.set(walked.id, lookAt(walked));
      return undefined;
    },
    isAsSeen: (walked) => {
      const before = shown.get(walked.id);
      const wasKnown = before?.side !== undefined;
      // Nobody asks, mostly.
      return wasKnown || programFiles.areRead ? isDeepStrictEqual(before, lookAt(walked)) : true;
    },
    queue: ({ ring, device: { walked } }) => {
      const send = ring && shown.get(walked.id)?.sends[walked.queues.indexOf(ring)];
      return send ? { send } : {};
    },
    device: ({ walked }) => {
      const side = shown.get(walked.id)?.side;
      return side ? { programSide: side } : {};
    },
    keepOnly: (present) => {
      for (const id of shown.keys()) if (!present.has(id)) shown.delete(id);
    },
  };
}

function headerOf(walked: WalkedDevice, files: readonly QueueFile[]): number {
  const vnet = has(walked, 'VNET_HDR') ? Math.max(...files.map(({ vnetHeader }) => vnetHeader)) : 0;
  return vnet + (has(walked, 'NO_PI') ? 0 : PACKET_INFORMATION_BYTES);
}

function has({ tunFlags }: WalkedDevice, flag: keyof typeof TUN_FLAGS): boolean {
  return (tunFlags & TUN_FLAGS[flag]) !== 0;
}

/**
 * Each once, though a child may have inherited it; where there are too many, those that have dropped something. A packet socket counts
 * if it is bound to another device, by which the program sends and gets its packets: others are sniffers.
 */
function socketsOf(holders: readonly ProgramFiles[], { netns, ifindex }: WalkedDevice): readonly ProgramSocket[] {
  const carries = (one: ProgramSocket): boolean =>
    one.kind !== 'packet' || (one.ifindex !== 0 && (one.ifindex !== ifindex || one.netns !== netns));
  const all = holders.flatMap((holder) => holder.sockets).filter(carries);
  const byHolder = all.toSorted((a, b) => Number(b.isRelative ?? false) - Number(a.isRelative ?? false));
  const sockets = [...new Map(byHolder.map((one) => [one.inode, one])).values()];
  if (sockets.length <= MOST_SOCKETS) return sockets;
  return sockets.toSorted((a, b) => b.drops - a.drops || a.inode - b.inode).slice(0, MOST_SOCKETS);
}

export const programSide: Subject = { name: 'program-side', events: EVENTS, open };
