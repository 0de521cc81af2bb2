// SPDX-License-Identifier: Apache-2.0
// All rules on one window: what was found, the worst first, and which rules could not judge here.

import { RULES } from './all-rules.ts';
import { answering } from './asked.ts';
import type { Finding, Severity } from './finding.ts';
import { withFigures } from './finding-figures.ts';
import type { QuietDevices } from './quiet.ts';
import type { Rule, Symptom } from './rule.ts';
import { type DeviceSpan, grown, type Window } from './window.ts';

export interface Verdict {
  /** The worst first; of one queue the cause before what goes with it. */
  readonly findings: readonly Finding[];
  /** Rules for which something is missing on this host, and what. */
  readonly unjudged: readonly { readonly rule: string; readonly because: string }[];
}

interface Made {
  readonly finding: Finding;
  readonly speaksOf: Symptom;
}

const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'info'];

/**
 * `asked`: a device that a person asked about, and wants to hear of even if all is well. `quiet`: what was learned in earlier
 * judgements of the same host, and not to be given with `asked`; the findings are the same without it.
 */
export function judge(whole: Window, asked?: DeviceSpan, quiet?: QuietDevices): Verdict {
  const window = quiet ? { ...whole, devices: quiet.lively(whole) } : whole;
  const measured = new Set(window.agent.probes.flatMap(({ event, attached }) => (attached ? [event] : [])));
  const missing = ({ needs }: Rule): readonly string[] => needs.filter((event) => !measured.has(event));
  const made: Made[] = [];
  for (const rule of RULES.filter((one) => missing(one).length === 0)) {
    const found = rule
      .judge(window, asked)
      .map((diagnosis) => withMissed({ rule: rule.name, ...diagnosis }, rule, window));
    made.push(...found.flatMap((finding) => beside({ finding, speaksOf: rule.speaksOf }, made)));
  }
  const found = made.map(({ finding }) => finding);
  quiet?.remember(window.devices, found);
  const told = asked ? answering(found, asked) : found;
  return {
    // Stable: findings of equal severity stay in the order of the rules, causes before their company.
    findings: withFigures(
      told.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)),
      whole,
    ),
    unjudged: RULES.flatMap((rule) => {
      const events = missing(rule);
      return events.length > 0
        ? [{ rule: rule.name, because: `nothing measures ${events.join(' and ')} on this host` }]
        : [];
    }),
  };
}

/** One symptom has one cause that people are called for: what a later rule adds to it is to be known, no more. */
function beside(one: Made, earlier: readonly Made[]): readonly Made[] {
  const { finding, speaksOf } = one;
  const others = earlier.filter((other) => isSameSubject(other.finding, finding));
  // What is found of a device says itself that its figures are off.
  const isSaid = finding.device !== undefined && others.some((other) => other.finding.degraded.length > 0);
  if (speaksOf === 'agent' && isSaid) return [];
  if (speaksOf === 'clean') return others.some(isFault) ? [] : [one];
  return others.some((other) => other.speaksOf === speaksOf && other.finding.severity !== 'info')
    ? [{ ...one, finding: { ...finding, severity: 'info' } }]
    : [one];
}

/** A reader that takes nothing is a fault even as `info`, where little is lost: it answers a question about the device. */
function isFault({ finding, speaksOf }: Made): boolean {
  return finding.severity !== 'info' || speaksOf === 'ring-loss';
}

/** A finding about a device is about all its queues. */
function isSameSubject(a: Finding, b: Finding): boolean {
  const device = a.netns === b.netns && a.device === b.device;
  return device && (a.queue === b.queue || a.queue === undefined || b.queue === undefined);
}

/** Probes that run for every packet of the host: what they miss is mostly packets of other devices, and the audit sees the rest. */
const FOR_ALL_PACKETS: readonly string[] = ['freed', 'before'];

function withMissed(finding: Finding, { needs }: Rule, { agentBefore, agent }: Window): Finding {
  const counting = needs.filter((event) => !FOR_ALL_PACKETS.includes(event));
  const missed = grown({ before: agentBefore, now: agent }, ({ probes }) =>
    probes.reduce((sum, probe) => (counting.includes(probe.event) ? sum + probe.missed : sum), 0),
  );
  if (!missed) return finding;
  return { ...finding, degraded: [...finding.degraded, `the kernel skipped ${missed} runs of our probes meanwhile`] };
}
