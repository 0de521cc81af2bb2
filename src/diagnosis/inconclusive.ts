// SPDX-License-Identifier: Apache-2.0
// Losses of which rules saw too little: of devices that came or went, and in a sample that is shorter than they are made for.
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type Loss, lossOf, severityOf, USUAL_SECONDS } from './evidence/loss.ts';
import type { Finding } from './finding.ts';
import { count, several } from './format.ts';
import { isOn } from './scope.ts';
import type { Window } from './window.ts';

/** A sentence for each device that lost so much that rules would say why, had they seen it for their usual time. */
export function inconclusive(
  snapshots: readonly Snapshot[],
  window: Window,
  findings: readonly Finding[],
): readonly string[] {
  const spans = new Map(window.devices.map((span) => [span.now.id, span]));
  const seen = new Map(snapshots.flatMap(({ devices }) => devices.map((device) => [device.id, device] as const)));
  const there = new Set(snapshots.at(-1)?.devices.map(({ id }) => id));
  return [...seen.values()].flatMap((device) => {
    const span = spans.get(device.id);
    if (findings.some((finding) => isOn(finding, device)) || (span && span.seconds >= USUAL_SECONDS)) return [];
    const before = span ? span.before : snapshots[0]?.devices.find(({ id }) => id === device.id);
    const loss = lossSince(before, device);
    const times = span ? USUAL_SECONDS / span.seconds : 1;
    const lost = loss.lost * times;
    const usual = { ...loss, lost, offered: loss.offered * times, perSecond: lost / USUAL_SECONDS };
    if (severityOf(usual) === undefined) return [];
    const why = span
      ? `in ${span.seconds.toFixed(1)} s, too short a time to say why`
      : `and ${there.has(device.id) ? 'came too late' : 'went too early'} to say why`;
    return [`${device.name} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} ${why}`];
  });
}

/** Losses in tun, by the kernel's own counters. `before` undefined: since the device exists. */
export function lossSince(before: Device | undefined, { counters }: Device): Loss {
  const lost = (counters?.txDropped ?? 0) - (before?.counters?.txDropped ?? 0);
  return lossOf(lost, (counters?.txPackets ?? 0) - (before?.counters?.txPackets ?? 0), 1);
}
