// SPDX-License-Identifier: Apache-2.0
// A question about some devices, or all of them, judged on some snapshots: what the rules say of them, and what they saw too little of.

import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { devicesIn } from './devices-in.ts';
import { count, namespaceIn, several } from './format.ts';
import { inconclusive, lossSince } from './inconclusive.ts';
import { judge, type Verdict } from './judge.ts';
import { type Ledger, ledgerOf } from './ledger.ts';
import { findingsOn, isEverything, narrowed, queueIn, type Scope } from './scope.ts';
import { type Status, statusOf } from './status.ts';
import { windowOf } from './window.ts';

export interface AskedVerdict {
  readonly status: Status;
  readonly verdict: Verdict;
  /** Losses of which rules saw too little, one sentence each. */
  readonly inconclusive: readonly string[];
  /** The devices that the question was about; `last` has all others too. */
  readonly devices: readonly Device[];
  /** Where the packets of the one device that was asked about went; absent: it was more than one, or its counters were not read. */
  readonly ledger?: Ledger | undefined;
  readonly last: Snapshot;
  readonly seconds: number;
}

/** In a shorter window a single packet would look like a rate. */
const LEAST_SECONDS = 0.5;

/** Throws one sentence if nothing can be said of what was asked for. isPast: the snapshots are of an earlier time. */
export function judgeAsked(snapshots: readonly Snapshot[], scope: Scope, isPast = false): AskedVerdict {
  const last = snapshots.at(-1);
  if (!last) throw new Error('No snapshot was taken.');
  const [first] = snapshots;
  if (first && last.takenAt - first.takenAt < LEAST_SECONDS)
    throw new Error('The sample is too short to judge: less than half a second.');
  const window = windowOf(snapshots);
  const narrow = snapshots.map((snapshot) => narrowed(snapshot, scope));
  if (!isEverything(scope)) refuseGone(narrow, last);
  const asked = devicesIn(last, scope, isPast);
  const devices = asked.filter(({ id }) => window.devices.some(({ now }) => now.id === id));
  if (devices.length === 0 && !isEverything(scope))
    throw new Error(
      `${visible(asked[0]?.name ?? '')} came while it was watched, so nothing can be said of it yet; ask again.`,
    );
  const [only, ...others] = isEverything(scope) ? [] : devices;
  const one = others.length > 0 ? undefined : window.devices.find(({ now }) => now.id === only?.id);
  const { findings, unjudged } = judge(window, one);
  const verdict = { findings: findingsOn(findings, devices, queueIn(last, scope)), unjudged };
  const tooShort = inconclusive(narrow, window, findings);
  const { seconds } = window;
  return {
    status: statusOf(verdict, tooShort),
    verdict,
    inconclusive: tooShort,
    devices,
    ledger: one && ledgerOf(one),
    last,
    seconds,
  };
}

/** Throws what became of a device, if all devices went before the last snapshot. */
function refuseGone(snapshots: readonly Snapshot[], { devices: present, agent }: Snapshot): void {
  if (snapshots.at(-1)?.devices.length !== 0) return;
  const gone = snapshots.findLast(({ devices }) => devices.length > 0)?.devices[0];
  if (!gone) return;
  const before = snapshots[0]?.devices.find(({ id }) => id === gone.id);
  const { lost, offered } = lossSince(before, gone);
  const heir = present.find(({ id }) => id === gone.id);
  if (heir)
    throw new Error(
      heir.netns === gone.netns
        ? `${visible(gone.name)} was renamed to ${visible(heir.name)} while it was watched; ask again by that name.`
        : `${visible(gone.name)} was moved to namespace ${visible(namespaceIn(heir.netns, agent))} while it was watched, as ${visible(heir.name)}; ask again there.`,
    );
  throw new Error(
    `${visible(gone.name)} went while it was watched, having lost ${count(lost)} of ${several(offered, 'packet')} until then.`,
  );
}
