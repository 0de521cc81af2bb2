// SPDX-License-Identifier: Apache-2.0
// All rules on one window: what was found, what matters most first, and which rules could not judge here.

import type { AgentState } from '../snapshot/snapshot.ts';
import { RULES } from './all-rules.ts';
import { answering } from './asked.ts';
import type { Diagnosis, Finding } from './finding.ts';
import { withFigures } from './finding-figures.ts';
import { FindingSet } from './finding-set.ts';
import type { FindingsCache } from './findings-cache.ts';
import { foldAgent } from './fold-agent.ts';
import { inOrder } from './order.ts';
import type { Rule } from './rule.ts';
import { unwatched } from './unwatched.ts';
import { type DeviceSpan, grown, type Window } from './window.ts';

export interface Verdict {
  /** In the order of order.ts; of one queue the cause before what goes with it. */
  readonly findings: readonly Finding[];
  /** Rules for which something is missing on this host, and what. */
  readonly unjudged: readonly { readonly rule: string; readonly because: string }[];
}

/** Work of one step, some milliseconds: devices with so many queues are judged, or so many findings get their figures. */
const QUEUES_OF_STEP = 64;
const FINDINGS_OF_STEP = 64;

/**
 * `asked`: a device that a person asked about, and wants to hear of even if all is well. `quiet`: what was learned in earlier
 * judgements of the same host, and not to be given with `asked`; the findings are the same without it.
 */
export function judge(whole: Window, asked?: DeviceSpan, quiet?: FindingsCache): Verdict {
  const steps = judging(whole, asked, quiet);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same in steps: where it yields, the caller may let other work run. */
export function* judging(
  whole: Window,
  asked?: DeviceSpan,
  quiet?: FindingsCache,
): Generator<undefined, Verdict, undefined> {
  const window = quiet ? { ...whole, devices: quiet.lively(whole) } : whole;
  const { rules, unjudged } = judgedBy(window.agent.probes);
  const made = new FindingSet();
  for (const [rule, diagnoses] of yield* diagnosing(rules, window, asked))
    for (const diagnosis of diagnoses)
      made.add(withMissed({ rule: rule.name, ...diagnosis }, rule, window), rule.symptom);
  const found = made.all;
  quiet?.remember(window.devices, found);
  const told = foldAgent(asked ? answering(found, asked) : found, rules);
  const figured: Finding[] = [];
  for (let first = 0; first < told.length; first += FINDINGS_OF_STEP) {
    yield;
    figured.push(...withFigures(told.slice(first, first + FINDINGS_OF_STEP), whole));
  }
  // Who asks about a device hears of it before the agent.
  const isOfAgent = ({ device }: Finding): number => Number(asked !== undefined && device === undefined);
  return {
    findings: inOrder(figured).toSorted((a, b) => isOfAgent(a) - isOfAgent(b)),
    unjudged,
  };
}

interface Judged {
  readonly rules: readonly Rule[];
  readonly unjudged: Verdict['unjudged'];
}

/** By the states of probes: the same object as long as none of them changes. */
const known = new WeakMap<AgentState['probes'], Judged>();

function judgedBy(probes: AgentState['probes']): Judged {
  const before = known.get(probes);
  if (before) return before;
  const measured = new Set(probes.flatMap(({ event, attached }) => (attached ? [event] : [])));
  const missing = ({ needs }: Rule): readonly string[] => needs.filter((event) => !measured.has(event));
  const judged = {
    rules: RULES.filter((one) => missing(one).length === 0),
    unjudged: RULES.flatMap((rule) => {
      const events = missing(rule);
      return events.length > 0 ? [{ rule: rule.name, because: unwatched(probes, events).join('; ') }] : [];
    }),
  };
  known.set(probes, judged);
  return judged;
}

/** All rules judge a device before the next one, because they share what they derive from it. */
function* diagnosing(
  rules: readonly Rule[],
  window: Window,
  asked: DeviceSpan | undefined,
): Generator<undefined, ReadonlyMap<Rule, readonly Diagnosis[]>, undefined> {
  const found = new Map<Rule, Diagnosis[]>(rules.map((rule) => [rule, []]));
  let queues = 0;
  for (const device of window.devices) {
    queues += Math.max(1, device.now.queues.length);
    if (queues > QUEUES_OF_STEP) {
      yield;
      queues = device.now.queues.length;
    }
    const alone = { ...window, devices: [device] };
    for (const [rule, diagnoses] of found)
      if (!isOfHost(rule)) for (const diagnosis of rule.judge(alone, asked)) diagnoses.push(diagnosis);
  }
  for (const [rule, diagnoses] of found) if (isOfHost(rule)) diagnoses.push(...rule.judge(window, asked));
  return found;
}

/** These two symptoms are of the host: tapscope is blind, and packets are lost elsewhere. */
function isOfHost({ symptom }: Rule): boolean {
  return symptom === 'agent' || symptom === 'clean';
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
