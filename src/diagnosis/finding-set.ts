// SPDX-License-Identifier: Apache-2.0
// Collects the findings of rules: each symptom has one cause that raises an alert.
import type { Finding } from './finding.ts';
import type { Symptom } from './rule.ts';

interface Made {
  readonly finding: Finding;
  readonly symptom: Symptom;
}

export class FindingSet {
  readonly #all: Made[] = [];
  /** Findings by device: a host may have a finding for each of thousands. */
  readonly #ofDevice = new Map<string, Made[]>();

  get all(): readonly Finding[] {
    return this.#all.map(({ finding }) => finding);
  }

  /** A later finding of the same symptom is information only. */
  add(finding: Finding, symptom: Symptom): void {
    const key = `${finding.netns} ${finding.device}`;
    const earlier = this.#ofDevice.get(key) ?? [];
    const one = beside({ finding, symptom }, earlier);
    if (one === undefined) return;
    this.#all.push(one);
    this.#ofDevice.set(key, earlier);
    earlier.push(one);
  }
}

/** undefined: it is not told. `ofDevice`: the earlier ones of its device. */
function beside(one: Made, ofDevice: readonly Made[]): Made | undefined {
  const { finding, symptom } = one;
  const others = ofDevice.filter((other) => isSameSubject(other.finding, finding));
  // A finding about a device says itself that its figures are off.
  const isSaid =
    finding.device !== undefined &&
    others.some(({ finding: { degraded, doubts = [] } }) => degraded.length + doubts.length > 0);
  if (symptom === 'agent' && isSaid) return undefined;
  if (symptom === 'clean') return others.some(isFault) ? undefined : one;
  return others.some((other) => other.symptom === symptom && other.finding.severity !== 'info')
    ? { ...one, finding: { ...finding, severity: 'info' } }
    : one;
}

/** A reader that takes nothing is a fault even as `info`, where little is lost: it answers a question about the device. */
function isFault({ finding, symptom }: Made): boolean {
  return finding.severity !== 'info' || symptom === 'ring-loss';
}

/** A finding about a device is about all its queues. */
function isSameSubject(a: Finding, b: Finding): boolean {
  return a.queue === b.queue || a.queue === undefined || b.queue === undefined;
}
