// SPDX-License-Identifier: Apache-2.0
// What is sent on by a device that then counts packets as dropped or failed: it may free them as used, as WireGuard does until its peer answers.
import type { Remedy } from '../finding.ts';
import { count, several } from '../format.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { isMostOfFew, lossOf, severityOf } from './loss.ts';
import { sentTo } from './onward.ts';

interface Unsent {
  readonly device: string;
  /** Packets of the window from the asked device that were sent on by it, and those of anybody that it did not send. */
  readonly own: number;
  readonly lost: number;
}

/** The most first. */
function unsentOf(device: DeviceSpan): readonly Unsent[] {
  const { steps, now, seconds } = device;
  const first = steps.find(({ surroundings }) => surroundings?.unsent)?.surroundings?.unsent;
  if (!first) return [];
  const at = (name: string, counts = first): number => counts.find((one) => one.counter === name)?.packets ?? 0;
  return [...sentTo(device)]
    .map(([name, own]) => ({ device: name, own, lost: at(name, now.surroundings?.unsent) - at(name) }))
    .filter(({ own, lost }) => {
      const loss = lossOf(lost, Math.max(0, own - lost), seconds);
      return own > 0 && (isMostOfFew(loss) || severityOf(loss) !== undefined);
    })
    .toSorted((a, b) => b.lost - a.lost);
}

export function unsentDoubts(device: DeviceSpan): readonly string[] {
  return unsentOf(device).map(
    ({ device: by, own, lost }) =>
      `${several(own, 'packet')} from it were sent on by ${by}, which did not send ${count(lost)} (its tx_dropped and tx_errors): they may be among these`,
  );
}

export function looksAtUnsent(device: DeviceSpan, window: Window): readonly Remedy[] {
  return unsentOf(device)
    .slice(0, 1)
    .map(({ device: by }) =>
      hostCommand(
        device,
        window,
        `ip -s -s link show dev ${quoted(by)}`,
        'Shows what it dropped and its errors. WireGuard drops what waits for a handshake: wg show says when the last one was.',
      ),
    );
}
