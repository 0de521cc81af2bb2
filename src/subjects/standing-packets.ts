// SPDX-License-Identifier: Apache-2.0
// How long packets stand in the qdiscs of devices: packets times seconds, added up from the walks and the looks between them. Pure.

/** A device of which the last look found packets standing. */
export interface Standing {
  readonly id: bigint;
  /** Of its struct net_device. */
  readonly address: bigint;
}

interface Known extends Standing {
  packets: number;
  atNs: number;
  packetSeconds: number;
}

/** Looks between two walks: more would cost more than they tell. */
const MOST_LOOKED_AT = 200;

export class StandingPackets {
  readonly #devices = new Map<bigint, Known>();

  /**
   * What the walk found of a device, or a look between two walks; answers its sum of packets times seconds. Between two looks the fewer of both
   * stood: of a burst that comes and goes in between nothing counts, and of one at the moment of a walk only what the looks behind it saw.
   */
  update({ id, address }: Standing, packets: number, atNs: number): number {
    const known = this.#devices.get(id);
    if (!known) {
      if (packets > 0) this.#devices.set(id, { id, address, packets, atNs, packetSeconds: 0 });
      return 0;
    }
    known.packetSeconds += (Math.min(known.packets, packets) * Math.max(0, atNs - known.atNs)) / 1e9;
    known.packets = packets;
    known.atNs = atNs;
    return known.packetSeconds;
  }

  isStanding(id: bigint): boolean {
    return (this.#devices.get(id)?.packets ?? 0) > 0;
  }

  /** Those to look at before the next walk. */
  get now(): readonly Standing[] {
    const standing: Standing[] = [];
    for (const known of this.#devices.values()) {
      if (known.packets > 0) standing.push(known);
      if (standing.length === MOST_LOOKED_AT) break;
    }
    return standing;
  }

  keepOnly(present: ReadonlySet<bigint>): void {
    for (const id of this.#devices.keys()) if (!present.has(id)) this.#devices.delete(id);
  }
}
