// SPDX-License-Identifier: Apache-2.0
// The accounting of one queue: E1, E2 and E4 of docs/accounting.md. `taken` is delivered + failed + held.
import type { QueueSums } from '../engine/queue-sums.ts';
import { stillWaiting } from '../engine/walk.ts';
import { BACKEND_BATCH } from '../snapshot/queue.ts';
import { type CountingMode, discarded, heldOf, netConsumed, type QueueReading } from './queue-reading.ts';

interface Sources {
  readonly counted: number;
  readonly derived: number | undefined;
}

export class QueueAccounting {
  #opening: number | undefined;
  #mode: CountingMode | undefined;
  #last: Sources = { counted: 0, derived: undefined };
  /** The shown figure is this base plus the source of the mode. */
  #base = 0;
  /** The base before counting was resumed, while packets may have moved: until the first rest #base is the least that it can be. */
  #baseBefore: number | undefined;
  /** What the backend held when the accounting began: taken, and not counted. */
  #heldBefore = 0;
  #enqueued = 0;
  #transmitted = 0;
  /** Packets not shown as enqueued, because so many may have been dropped. */
  #heldBack = 0;
  #delivered = 0;
  /** What `delivered` would be if the other queues' figures allow it. */
  #proposed = 0;
  /** Enqueued and not counted by our programs, by the kernel's counters. */
  #missed = 0;
  /** Packets that this queue delivered and another was offered, less the opposite. */
  #movedHere = 0;
  #read = 0;
  #bypassedBefore = 0;
  /** Consumed packets are counted by the index that their ring has then: what that shifts between queues. */
  #takenBase = 0;
  /** Queues were renumbered with packets in the ring, and no steady rest has been since: #takenBase is unknown, or the least that it can be. */
  #shifted = false;
  /** Where counted and derived stood when both began to count side by side; provisional: read while packets moved. */
  #anchor: { readonly counted: number; readonly derived: number; readonly provisional: boolean } | undefined;

  /** observedFromStart: the queue appeared under watch, so that its ring was empty; `mode`: of the device until now. */
  constructor(observedFromStart: boolean, mode?: CountingMode) {
    this.#mode = mode;
    if (!observedFromStart) return;
    this.#opening = 0;
    this.#anchor = { counted: 0, derived: 0, provisional: false };
  }

  get enqueued(): number {
    return this.#enqueued;
  }

  /** Enqueued packets that came by the transmit function: XDP redirects frames around it. */
  get transmitted(): number {
    return this.#transmitted;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Taken by read(): what was taken, and not by a backend. The two are counted one after the other, so that the difference may fall. */
  get read(): number {
    return this.#read;
  }

  /** Entered the ring, but is not in the counter of enqueued packets: was there before it, or came while it did not count. */
  get uncounted(): number {
    return (this.#opening ?? 0) + (this.#mode?.enqueued === 'counted' ? this.#base + this.#missed : 0);
  }

  /** The kernel's counters prove that so many more were enqueued than our programs saw, or so many fewer, which were not shown. */
  miss(packets: number): void {
    this.#missed += packets;
    this.#heldBack = Math.max(0, this.#heldBack + Math.min(0, packets));
    this.#enqueued += Math.max(0, packets);
    this.#transmitted += Math.max(0, packets);
  }

  /** Shows the packets that were held back: nothing is uncertain any more. */
  release(): void {
    this.#enqueued += this.#heldBack;
    this.#transmitted += this.#heldBack;
    this.#heldBack = 0;
  }

  /**
   * The kernel's counters are this queue's alone. At a rest they tell how many more packets were `there` when the accounting began, and
   * how many more of those that were `taken` since.
   */
  align(there: number, taken: number): void {
    this.#opening = (this.#opening ?? 0) + there;
    this.#heldBefore += taken;
    const shifted = <Side extends Sources>(side: Side): Side => {
      return side.derived === undefined ? side : { ...side, derived: side.derived + taken - there };
    };
    this.#last = shifted(this.#last);
    this.#anchor = this.#anchor && shifted(this.#anchor);
  }

  /** Packets by which the last reading was ahead of what is shown as delivered; negative: behind it. */
  get ahead(): number {
    return this.#proposed - this.#delivered;
  }

  /** The device's counters allow what this queue proposes. */
  deliver(): void {
    this.#delivered = Math.max(this.#delivered, this.#proposed);
  }

  /** So many packets were offered to another index than the one they left by. */
  shift(packets: number): void {
    this.#movedHere += packets;
    this.#proposed += packets;
  }

  /** Taken by a backend before the accounting began, and delivered since or still held. */
  get heldBefore(): number {
    return this.#heldBefore;
  }

  /** Drops that came past the offered probe since it was attached. */
  bypassed(sums: QueueSums): number {
    return this.#mode?.enqueued === 'counted' ? Math.max(0, sums.bypassed - this.#bypassedBefore) : 0;
  }

  update(mode: CountingMode, reading: QueueReading): void {
    const { before, after, ring, renumbered } = reading;
    // Packets came in while the ring was read: the later figure counts, else the opening balance were too high.
    const held = heldOf(ring);
    if (this.#opening === undefined) {
      const taken = mode.taken === 'counted' ? netConsumed(before, after) : 0;
      this.#heldBefore = held;
      this.#opening = (ring?.occupancy ?? 0) + held + discarded(before) + taken - after.enqueued - after.entering;
      this.#bypassedBefore = after.bypassed; // on their way when the probes came, one after the other
    }
    // While something is thrown out, given back or moved between rings, what waits in them says nothing.
    const disturbed = (sums: QueueSums): number => discarded(sums) + sums.failed + sums.unproduced;
    const steady = reading.believable && !renumbered && !ring?.unsteady && disturbed(before) === disturbed(after);
    this.#shifted ||= renumbered;
    this.#read = Math.max(this.#read, before.consumed - before.consumedInBatches);
    if (steady && this.#shifted) this.#rebase(mode, reading);
    const sources = {
      counted: before.enqueued + this.#missed,
      derived: steady ? this.#derive(mode, reading) : undefined,
    };
    this.#enter(mode, sources, reading);
    this.#settleBase(sources, reading);
    this.#showDerived(sources.derived);
    const source = mode.enqueued === 'counted' ? sources.counted : sources.derived;
    if (source !== undefined) this.#enqueued = Math.max(this.#enqueued, this.#base + source - reading.uncertain);
    this.#heldBack = source === undefined ? 0 : Math.max(0, this.#base + source - this.#enqueued);
    // E4. What is not counted is the least that came in: frames that came meanwhile are not to be taken from it twice.
    const counted = mode.enqueued === 'counted' && this.#baseBefore === undefined;
    const frames = (counted ? before : after).redirected;
    this.#transmitted = Math.max(this.#transmitted, this.#enqueued - frames);
    const apart = mode.taken === 'counted' && !(renumbered && mode.enqueued === 'counted');
    // The kernel's own counter where it is this queue's alone; what a backend gave back or is purged at this moment is not in it.
    const taken = reading.takenFromDevice ?? (steady || apart ? this.#taken(mode, reading) : undefined);
    const doubtful = mode.taken === 'derived' && reading.takenFromDevice === undefined ? reading.uncertain : 0;
    this.#proposed = taken === undefined ? this.#delivered : taken - before.failed - held - doubtful;
    if (steady) this.#last = sources;
    this.#setAnchor(sources, mode, reading.atRest);
  }

  /** Both sides of the ring are counted, and not yet compared: that begins with the first rest. */
  get unaudited(): boolean {
    return this.#countedTwice && this.imbalance() === undefined;
  }

  /** Packets by which counted and derived disagree; undefined: the two sides of the ring are not both counted, or not yet compared. */
  imbalance(): number | undefined {
    if (!this.#countedTwice) return undefined;
    const { counted, derived } = this.#last;
    if (!this.#anchor || this.#anchor.provisional || derived === undefined) return undefined;
    if (this.#shifted) return undefined;
    return counted - this.#anchor.counted - (derived - this.#anchor.derived);
  }

  get #countedTwice(): boolean {
    return this.#mode?.enqueued === 'counted' && this.#mode.taken === 'counted';
  }

  /** E1 solved for the enqueued packets: from the other side of the ring. */
  #derive(mode: CountingMode, reading: QueueReading): number | undefined {
    // Packets derived from the enqueued packets prove nothing about those.
    const taken = mode.taken === 'counted' ? this.#taken(mode, reading) : reading.takenFromDevice;
    if (taken === undefined) return undefined;
    const ring = reading.ring ?? { occupancy: 0, takenSince: 0 };
    // The kernel's counter is read after the ring: what was taken in between is in both.
    const waiting = mode.taken === 'counted' ? ring.occupancy : stillWaiting(ring);
    return taken + discarded(reading.before) + waiting - (this.#opening ?? 0);
  }

  /** What left the ring to a reader: counted, or by E2, or E1 solved for it. */
  #taken(mode: CountingMode, { before, after, ring, takenFromDevice }: QueueReading): number | undefined {
    if (mode.taken === 'counted') return netConsumed(before, after) + this.#heldBefore + this.#takenBase;
    if (mode.taken === 'device') return takenFromDevice;
    return this.uncounted + before.enqueued + this.#movedHere - discarded(before) - (ring?.occupancy ?? 0);
  }

  /**
   * After a renumbering both sides of the ring are brought to the same index again, the one of the enqueue. While packets
   * move, what was taken between two samples cannot be told from what was shifted: the least is believed, until the first rest.
   */
  #rebase(mode: CountingMode, { before, after, ring, atRest }: QueueReading): void {
    this.#shifted = !atRest;
    if (mode.enqueued !== 'counted' || mode.taken !== 'counted') return;
    this.#baseBefore = undefined;
    const moved = before.enqueued !== after.enqueued || before.consumed !== after.consumed;
    const taken = this.uncounted + before.enqueued - discarded(before) - (ring?.occupancy ?? 0);
    this.#takenBase = taken - netConsumed(after, after) - this.#heldBefore - (moved ? BACKEND_BATCH : 0);
    this.#anchor = undefined;
  }

  /** Keeps what is shown continuous when the probes change. */
  #enter(mode: CountingMode, sources: Sources, reading: QueueReading): void {
    const changed = this.#mode !== undefined && this.#mode.enqueued !== mode.enqueued;
    this.#mode = mode;
    if (!changed) return;
    this.#missed = 0;
    if (mode.enqueued === 'counted') this.#resume(mode, sources, reading);
    else {
      this.#base = this.#baseBefore ?? this.#baseOfDerived(sources);
      this.#baseBefore = undefined;
    }
    this.#anchor = undefined;
  }

  /** Both sides stood side by side at the anchor; without one, at the last sample, give or take what moved while it was taken. */
  #baseOfDerived({ derived = 0 }: Sources): number {
    if (this.#anchor && !this.#anchor.provisional) return this.#base + this.#anchor.counted - this.#anchor.derived;
    return this.#enqueued - (this.#last.derived ?? derived);
  }

  /** Goes from deriving to counting. Packets that came in while the ring was read are left out. */
  #resume(mode: CountingMode, { derived }: Sources, { before, after, ring, takenFromDevice }: QueueReading): void {
    this.#bypassedBefore = after.bypassed;
    if (takenFromDevice === undefined && mode.taken === 'derived') {
      // Several queues: only what waits now is known of the packets that came in meanwhile. What is shown has entered, and may have left.
      const waiting = (ring?.occupancy ?? 0) + heldOf(ring);
      const left = this.#delivered + before.failed + discarded(before);
      const entered = Math.max(this.#enqueued, left + waiting - (this.#opening ?? 0));
      this.#base = entered - after.enqueued - after.entering;
      return;
    }
    this.#baseBefore = this.#base;
    this.#showDerived(derived);
    this.#base = this.#enqueued - after.enqueued - after.entering;
  }

  /** Until the base is known, what is derived tells more than what is counted: the packets that are entering too. */
  #showDerived(derived: number | undefined): void {
    if (this.#baseBefore !== undefined && derived !== undefined)
      this.#enqueued = Math.max(this.#enqueued, this.#baseBefore + derived);
  }

  /** Each sample may prove that it is more: as if all had entered that may have, until it is known. */
  #settleBase({ counted, derived }: Sources, { after, atRest }: QueueReading): void {
    if (this.#baseBefore === undefined || derived === undefined) return;
    const least = this.#baseBefore + derived - this.#missed - after.enqueued - after.entering;
    this.#base = atRest ? this.#baseBefore + derived - counted : Math.max(this.#base, least);
    if (atRest) this.#baseBefore = undefined;
  }

  /** Sets where the comparison begins; a beginning that was read while packets moved is corrected at the first rest. */
  #setAnchor({ counted, derived }: Sources, mode: CountingMode, atRest: boolean): void {
    if (derived === undefined || mode.enqueued !== 'counted' || this.#baseBefore !== undefined) return;
    if (!this.#anchor || (this.#anchor.provisional && atRest))
      this.#anchor = { counted, derived, provisional: !atRest };
  }
}
