// SPDX-License-Identifier: Apache-2.0
// The search: queues by their names and owners, findings by their text.
import type { ReportedFinding } from '../diagnosis/active-findings.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { whose } from '../outputs/owner-label.ts';
import { visible } from '../snapshot/visible.ts';
import { placeOf } from './finding-groups.ts';
import { stateOf } from './queue-state.ts';

/** `wanted`: in lower case; the empty text finds all. */
export function matches(rate: QueueRate, wanted: string): boolean {
  if (wanted === '') return true;
  const { device, queue, namespace, reader, owner } = rate;
  const words = [
    device,
    `${device} / ${queue ?? ''}`,
    namespace,
    reader?.name ?? '',
    stateOf(rate).word,
    owner ? whose(owner) : '',
  ];
  return words.some((word) => visible(word).toLowerCase().includes(wanted));
}

export function matchesFinding(finding: ReportedFinding, wanted: string): boolean {
  const words = [finding.rule, finding.severity, finding.cause, placeOf(finding)];
  return wanted === '' || words.some((word) => visible(word).toLowerCase().includes(wanted));
}
