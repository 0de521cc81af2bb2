// SPDX-License-Identifier: Apache-2.0
// How many packets single queues of a device lack while the device is exact, and whether that may change a verdict.
import { type DeviceSpan, grown } from '../window.ts';
import { lossOf, severityOf } from './loss.ts';

/** Rules look at shares of a queue and at what it got beside its siblings: none turns on one packet of a hundred. */
const MOST_SHARE = 0.01;
/** A device that lost nothing may lack so many packets however few it got, as with TCP of large packets: no rule turns on them. */
const FEW = 10;

/** Packets of the window. */
interface Split {
  readonly lacking: number;
  readonly offered: number;
  readonly reason: string;
}

/** undefined: no queue is marked for what it lacks, or they lack so much that a verdict may be another. */
export function slightSplit(device: DeviceSpan): Split | undefined {
  const reason = device.now.unseen?.split;
  if (reason === undefined) return undefined;
  const enqueued = grown(device, ({ unseen }) => unseen?.enqueued);
  const hidden = grown(device, ({ unseen }) => unseen?.dropped);
  const given = grown(device, ({ counters }) => counters?.txPackets);
  const lost = grown(device, ({ counters }) => counters?.txDropped);
  if (enqueued === undefined || hidden === undefined || given === undefined || lost === undefined) return undefined;
  const severity = (drops: number): string | undefined => severityOf(lossOf(drops, given, device.seconds));
  const few = lost === 0 ? FEW : 0;
  const isSlight =
    enqueued <= Math.max(MOST_SHARE * given, few) && severity(lost) === severity(Math.max(0, lost - hidden));
  return isSlight ? { lacking: enqueued + hidden, offered: given + lost, reason } : undefined;
}

interface Figured {
  readonly degraded: readonly string[];
}

/** Why figures of the device, or of a queue of it, are off by what may change a verdict. */
export function doubtsOf(device: DeviceSpan, { degraded }: Figured): readonly string[] {
  const reason = slightSplit(device)?.reason;
  return degraded.filter((one) => one !== reason);
}
