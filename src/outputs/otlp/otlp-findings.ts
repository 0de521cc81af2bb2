// SPDX-License-Identifier: Apache-2.0
// Findings as log records of OTLP: one when a finding begins, when its severity changes, and when it ends.
import { keyOf, type TrackedFinding } from '../../diagnosis/active-findings.ts';
import type { Finding, Severity } from '../../diagnosis/finding.ts';
import { nanoseconds, renderAttributes, renderSender, type Sender } from './otlp-attributes.ts';

type FindingState = 'begins' | 'changes' | 'ends';

export interface FindingChange {
  readonly finding: Finding;
  readonly state: FindingState;
  /** Unix time, seconds. */
  readonly at: number;
}

/** Findings by their key: what makes a finding the same. */
export type KnownFindings = ReadonlyMap<string, Finding>;

/** The changes since the last judgement. `active`: all active findings. */
export function changesOf(
  known: KnownFindings,
  active: readonly TrackedFinding[],
  at: number,
): { readonly known: KnownFindings; readonly changes: readonly FindingChange[] } {
  const now = new Map(active.map(({ finding }) => [keyOf(finding), finding]));
  const begun = [...now].flatMap(([key, finding]): readonly FindingChange[] => {
    const before = known.get(key);
    if (before === undefined) return [{ finding, state: 'begins', at }];
    return before.severity === finding.severity ? [] : [{ finding, state: 'changes', at }];
  });
  const ended = [...known]
    .filter(([key]) => !now.has(key))
    .map(([, finding]): FindingChange => ({ finding, state: 'ends', at }));
  return { known: now, changes: [...begun, ...ended] };
}

/** OpenTelemetry's numbers: INFO, WARN, ERROR. What ended is no problem any more. */
const severityNumbers: Readonly<Record<Severity, number>> = { info: 9, warning: 13, critical: 17 };

export function logsRequest(changes: readonly FindingChange[], sender: Sender): string {
  return renderSender(sender, 'Logs', changes.map(renderRecord).join(','));
}

function renderRecord({ finding, state, at }: FindingChange): string {
  const { rule, severity, netns, device, queue, cause, confidence, evidence, remedies } = finding;
  const text = (value: number | undefined): string => String(value ?? '');
  const attributes = renderAttributes([
    ['state', state],
    ['rule', rule],
    ['severity', severity],
    ['netns', text(netns)],
    ['device', device ?? ''],
    ['queue', text(queue)],
    ['confidence', confidence],
    ['evidence', evidence.join('; ')],
    ['command', remedies.find(({ command }) => command !== undefined)?.command ?? ''],
  ]);
  const [number, name] = state === 'ends' ? [severityNumbers.info, 'info'] : [severityNumbers[severity], severity];
  const body = state === 'ends' ? `Ended: ${cause}` : cause;
  const time = `"timeUnixNano":"${nanoseconds(at)}","observedTimeUnixNano":"${nanoseconds(at)}"`;
  return `{${time},"severityNumber":${number},"severityText":"${name}","eventName":"tapscope.finding","body":{"stringValue":${JSON.stringify(body)}},"attributes":[${attributes}]}`;
}
