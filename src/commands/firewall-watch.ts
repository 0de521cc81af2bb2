// SPDX-License-Identifier: Apache-2.0
// The rules of firewalls that drop, read by the command at the begin and at the end of its watch: the agent has no right to (CAP_NET_ADMIN).
import { isFirewallDrop } from '../diagnosis/evidence/drop-kinds.ts';
import { hostDrops } from '../diagnosis/evidence/from-guest.ts';
import { dropsTowards } from '../diagnosis/evidence/loss.ts';
import { narrowed, type Scope } from '../diagnosis/scope.ts';
import { readFirewall } from '../inventory/firewall.ts';
import type { Firewall } from '../snapshot/firewall.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { NamespacePaths } from '../subjects/surroundings/namespace-paths.ts';

/** Some ten thousand rules. */
const MOST_BYTES = 4 << 20;
/** Namespaces that are read. */
const MOST_NAMESPACES = 8;

type Firewalls = ReadonlyMap<number, Firewall>;

export class FirewallWatch {
  readonly #scope: Scope;
  readonly #paths = new NamespacePaths();
  #before: Promise<Firewalls> = Promise.resolve(new Map());

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  begin(first: Snapshot): void {
    this.#before = this.#read(first);
  }

  /** The same snapshots, the first and the last with what drops in the namespaces of their devices. */
  async onto(snapshots: readonly Snapshot[]): Promise<readonly Snapshot[]> {
    const [first, last] = [snapshots[0], snapshots.at(-1)];
    if (!first || !last || first === last) return snapshots;
    const [before, now] = [await this.#before, await this.#read(last)];
    if (now.size === 0) return snapshots;
    return [withFirewalls(first, before), ...snapshots.slice(1, -1), withFirewalls(last, now)];
  }

  /** Of namespaces where a firewall dropped packets on the way to or from the devices that are asked about. */
  async #read(snapshot: Snapshot): Promise<Firewalls> {
    const { devices } = narrowed(snapshot, this.#scope);
    const dropping = devices.filter((device) =>
      [...(dropsTowards(device) ?? []), ...(hostDrops(device) ?? [])].some(isFirewallDrop),
    );
    const found = new Map<number, Firewall>();
    for (const netns of [...new Set(dropping.map((one) => one.netns))].slice(0, MOST_NAMESPACES)) {
      const firewall = await this.#firewallOf(netns);
      if (firewall) found.set(netns, firewall);
    }
    return found;
  }

  /** Where its namespace cannot be entered the finding says less. */
  async #firewallOf(netns: number): Promise<Firewall | undefined> {
    try {
      return await readFirewall(await this.#paths.to(netns), MOST_BYTES);
    } catch {
      return undefined;
    }
  }
}

function withFirewalls(snapshot: Snapshot, firewalls: Firewalls): Snapshot {
  const devices = snapshot.devices.map((device) => {
    const firewall = firewalls.get(device.netns);
    return firewall ? { ...device, firewall } : device;
  });
  return { ...snapshot, devices };
}
