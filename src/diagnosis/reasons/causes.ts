// SPDX-License-Identifier: Apache-2.0
// The causes of a device's drops in the window, the one that lost most first, and which of them are no fault.
import type { OtherDrop } from '../../snapshot/device.ts';
import { hostDrops, receivedFrom, refusedByHost } from '../evidence/from-guest.ts';
import { dropsTowards, isMostOfFew, type Loss, lossBefore, lossOf, MEANT_SHARE, severityOf } from '../evidence/loss.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count } from '../format.ts';
import type { DeviceSpan, Window } from '../window.ts';
import type { DropRow, Way } from './drop-row.ts';
import { explain, remediesOf } from './explain.ts';
import { NO_REASON } from './reason-table.ts';

/** All drops of one cause. */
export interface Cause {
  readonly row: DropRow;
  /** Packets of the window. */
  readonly loss: Loss;
  /** 'OTHERHOST in ip_rcv_core', the most frequent first. */
  readonly names: string;
  /** 'OTHERHOST' */
  readonly reasons: string;
  /** Chooses its drops. */
  readonly isOf: (drop: OtherDrop) => boolean;
}

/** Longer lines do not fit a terminal. */
const LONGEST_LINE = 100;

/** Of the drops that `wanted` chooses; those that did not grow in the window are left out. */
export function causesOf(device: DeviceSpan, way: Way, wanted: (drop: OtherDrop) => boolean): readonly Cause[] {
  const rows = new Map<string, DropRow>();
  const causeOf = (drop: OtherDrop): string => rowOf(drop, device, way).cause;
  for (const drop of dropsOf(device, way).filter(wanted)) rows.set(causeOf(drop), rowOf(drop, device, way));
  return [...rows]
    .map(([cause, row]): Cause => {
      const isIts = (drop: OtherDrop): boolean => wanted(drop) && causeOf(drop) === cause;
      const drops = mostFirst(device, way, isIts);
      return {
        row,
        loss: lossOn(device, way, isIts),
        names: drops
          .map(({ reason, location }) => `${reason}${location === 'other' ? '' : ` in ${location}`}`)
          .join(', '),
        reasons: [...new Set(drops.map(({ reason }) => reason))].join(', '),
        isOf: isIts,
      };
    })
    .filter(({ loss }) => loss.lost > 0)
    .toSorted((a, b) => b.loss.lost - a.loss.lost);
}

/** A protocol's ordinary end, or so little of what a healthy host drops too that it means nothing. */
export function isNoFault({ row, loss }: Cause): boolean {
  if (row.class === 'harmless') return true;
  if (row.class !== 'noise') return false;
  const isSeen = severityOf(loss) !== undefined || (row.isTrickle === undefined && isMostOfFew(loss));
  return !(isSeen && loss.share >= (row.bulk ?? MEANT_SHARE));
}

/** Chooses the drops of what the guest or writer sent that are no fault. */
export function harmlessBehind(device: DeviceSpan): (drop: OtherDrop) => boolean {
  const causes = causesOf(device, 'from', () => true).filter(isNoFault);
  const known = new Set(causes.map(({ row }) => row.cause));
  return (drop) => known.has(rowOf(drop, device, 'from').cause);
}

/** All of them together. */
export function lossOfAll(device: DeviceSpan, way: Way, causes: readonly Cause[]): Loss {
  const theirs = new Set(causes.map(({ row }) => row.cause));
  return lossOn(device, way, (drop) => theirs.has(rowOf(drop, device, way).cause));
}

/** 'no loss: 50 UNHANDLED_PROTO: nobody here handles their EtherType …', for those who see them in a counter. */
export function harmlessEvidence(device: DeviceSpan): readonly string[] {
  return causesOf(device, 'from', () => true)
    .filter(isNoFault)
    .map(({ row, loss, reasons }) => cut(`no loss: ${count(loss.lost)} ${reasons}: ${row.cause}`));
}

/** '4 709: TC_INGRESS in __netif_receive_skb_core' for the first, which the answer explains; the others with their causes. */
export function evidenceOf(causes: readonly Cause[]): readonly string[] {
  return causes.map(({ row, loss, names }, place) =>
    cut(`${count(loss.lost)}: ${names}${place > 0 && row.isUnknown === undefined ? `: ${row.cause}` : ''}`),
  );
}

/** A cause of so much of the loss has its first remedy too. */
const BESIDE_SHARE = 0.1;

/** All remedies of the first cause, and one of each other that is large: the first is the answer, the second another fault. */
export function remediesOfAll(causes: readonly Cause[], device: DeviceSpan, window: Window): readonly Remedy[] {
  const lost = causes.reduce((sum, { loss }) => sum + loss.lost, 0);
  const remedies = causes.flatMap(({ row, loss }, place) => {
    const all = remediesOf(row, device, window);
    if (place === 0) return all;
    return loss.lost >= BESIDE_SHARE * lost ? all.slice(0, 1) : [];
  });
  return remedies.filter(
    (one, place) =>
      remedies.findIndex(({ command, effect }) => command === one.command && effect === one.effect) === place,
  );
}

export function confidenceIn({ row, names }: Cause): Diagnosis['confidence'] {
  if (row.isUnknown) return 'low';
  return names.includes(NO_REASON) ? 'medium' : 'high';
}

function rowOf(drop: OtherDrop, { now, agent }: DeviceSpan, way: Way): DropRow {
  return explain(drop, now, way, agent);
}

function cut(line: string): string {
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line;
}

function dropsOf({ now }: DeviceSpan, way: Way): readonly OtherDrop[] {
  return (way === 'from' ? hostDrops(now) : dropsTowards(now)) ?? [];
}

function lossOn(device: DeviceSpan, way: Way, wanted: (drop: OtherDrop) => boolean): Loss {
  if (way === 'to') return lossBefore(device, wanted) ?? lossOf(0, 0, device.seconds);
  const lost = refusedByHost(device, wanted);
  return lossOf(lost, Math.max(0, receivedFrom(device) - lost), device.seconds);
}

/** Those that grew in the window. */
function mostFirst(device: DeviceSpan, way: Way, wanted: (drop: OtherDrop) => boolean): readonly OtherDrop[] {
  const lostBy = ({ reason, location }: OtherDrop): number =>
    lossOn(device, way, (drop) => wanted(drop) && drop.reason === reason && drop.location === location).lost;
  return dropsOf(device, way)
    .filter((drop) => wanted(drop) && lostBy(drop) > 0)
    .toSorted((a, b) => lostBy(b) - lostBy(a));
}
