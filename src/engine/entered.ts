// SPDX-License-Identifier: Apache-2.0
// Packets that entered a ring, by row, where programs see only those that are offered and those that are dropped: the difference.

interface Known {
  /** Packets offered when the last read began, and since which moment: ms of a monotonic clock. */
  offered: number;
  since: number;
  entered: number;
}

/** A packet takes less than 1 µs from its offer to its drop, unless a hypervisor or an interrupt holds up the CPU. */
const HELD_UP_MS = 1000;

export class Entered {
  readonly #known = new Map<number, Known>();
  /** Rows whose newest packet may yet be dropped. */
  readonly #pending = new Set<number>();

  /** When a read begins, before anything else: `offered` packets of this row. */
  begin(row: number, offered: number, nowMs: number): void {
    const known = this.#known.get(row);
    if (known === undefined) this.#known.set(row, { offered, since: nowMs, entered: 0 });
    else if (known.offered !== offered) {
      known.offered = offered;
      known.since = nowMs;
    }
  }

  /**
   * Packets that certainly entered; never goes down. `offered` is read before `dropped`, so that their difference is the least. The newest
   * packet may be on its way from its offer to its drop: it counts when it has been there for a second.
   */
  update(row: number, offered: number, dropped: number, nowMs: number): number {
    const known = this.#known.get(row) ?? { offered, since: nowMs, entered: 0 };
    const most = offered - dropped;
    const pending = most > known.entered && (known.offered !== offered || nowMs - known.since < HELD_UP_MS);
    if (pending) this.#pending.add(row);
    else this.#pending.delete(row);
    known.entered = Math.max(known.entered, most - Number(pending));
    this.#known.set(row, known);
    return known.entered;
  }

  /** The state at the last read: the next may find more, though nothing is written until then. */
  isPending(row: number): boolean {
    return this.#pending.has(row);
  }

  /**
   * Programs that see what is offered were detached: of packets that came meanwhile they may have seen the drop alone. What entered may
   * go down.
   */
  restart(): void {
    for (const known of this.#known.values()) known.entered = 0;
  }

  released(rows: ReadonlySet<number>): void {
    for (const row of rows) {
      this.#known.delete(row);
      this.#pending.delete(row);
    }
  }
}
