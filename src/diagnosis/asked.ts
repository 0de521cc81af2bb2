// SPDX-License-Identifier: Apache-2.0
// An operator who asks about one device misses packets: what is too little to alarm all is the answer to that question.

import type { UncountedLoss } from '../snapshot/device.ts';
import { receivedFrom, refusedByHost } from './evidence/from-guest.ts';
import { isMostOfFew, type Loss, lossBefore, lossOf, lostInTun } from './evidence/loss.ts';
import type { Finding } from './finding.ts';
import { harmlessBehind } from './reasons/causes.ts';
import { type DeviceSpan, grown } from './window.ts';

/** Losses on the way to the guest or reader, anywhere on this host. */
export function lossTowards(device: DeviceSpan): Loss {
  const before = lossBefore(device, () => true)?.lost ?? 0;
  const inTun = lostInTun(device);
  const unseen = grown(device, ({ uncounted }) => uncounted.reduce((sum, one) => sum + towards(one), 0)) ?? 0;
  const given = grown(device, ({ counters }) => counters?.txPackets) ?? 0;
  return lossOf(before + inTun + unseen, given, device.seconds);
}

/** bad_header is of what the guest or writer sends. */
function towards({ cause, packets }: UncountedLoss): number {
  return cause === 'bad_header' ? 0 : packets;
}

/** On the way from it, without what is harmless in so small a share. */
export function lossOnTheWayBack(device: DeviceSpan): Loss {
  const isHarmless = harmlessBehind(device);
  const lost = refusedByHost(device, (drop) => !isHarmless(drop));
  const headers = grown(device, ({ receive }) => receive?.frameErrors) ?? 0;
  return lossOf(lost + headers, Math.max(0, receivedFrom(device) - lost), device.seconds);
}

/** The first of the findings of a device that is asked about is a warning where most of its few packets are lost. */
export function answering(findings: readonly Finding[], device: DeviceSpan): readonly Finding[] {
  const isItsOwn = (finding: Finding): boolean =>
    finding.netns === device.now.netns && finding.device === device.now.name;
  const own = findings.filter(isItsOwn);
  const isTold = own.some(({ severity }) => severity !== 'info');
  if (isTold || !(isMostOfFew(lossTowards(device)) || isMostOfFew(lossOnTheWayBack(device)))) return findings;
  // not-here says itself why it is no answer.
  const first = own.find(({ rule }) => rule !== 'not-here');
  return findings.map((finding) => (finding === first ? { ...finding, severity: 'warning' } : finding));
}
