// SPDX-License-Identifier: Apache-2.0
// The queues that `tapscope top` can show, each with its status and findings.

import type { Finding } from '../diagnosis/finding.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { idOf, queueNames } from './queue-names.ts';

/** losing: packets are lost, too few for a finding. note: a finding that wakes no one. */
export type Status = 'critical' | 'warning' | 'losing' | 'note' | 'unknown' | 'ok' | 'idle';

export interface TopRow {
  readonly id: string;
  /** The name, which no other row has. */
  readonly name: string;
  readonly rate: QueueRate;
  readonly status: Status;
  /** About this queue, or its whole device; the worst first. */
  readonly findings: readonly Finding[];
}

export function makeRows(rates: readonly QueueRate[], findings: readonly Finding[]): readonly TopRow[] {
  const names = queueNames(rates);
  return rates.map((rate) => {
    const id = idOf(rate);
    const own = findings.filter((finding) => isAbout(finding, rate));
    return { id, name: names.get(id) ?? rate.device, rate, status: statusOf(rate, own), findings: own };
  });
}

function isAbout({ device, netns, queue }: Finding, rate: QueueRate): boolean {
  return device === rate.device && netns === rate.netns && (queue === undefined || queue === rate.queue);
}

function statusOf(rate: QueueRate, [worst]: readonly Finding[]): Status {
  const { offered, dropped, written, lostBefore, ring, state } = rate;
  if (worst && worst.severity !== 'info') return worst.severity;
  if ((dropped ?? 0) > 0 || (lostBefore ?? 0) > 0) return 'losing';
  if (worst) return 'note';
  if (offered || written || ring?.occupancy || state !== undefined) return 'ok';
  return offered === undefined && dropped === undefined && rate.queue !== undefined ? 'unknown' : 'idle';
}
