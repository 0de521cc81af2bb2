// SPDX-License-Identifier: Apache-2.0
// A finding of which a test says only what it is about.
import type { Finding } from '../../src/diagnosis/finding.ts';

export function madeUpFinding(said: Partial<Finding> & Pick<Finding, 'rule' | 'severity' | 'cause'>): Finding {
  return {
    ...{ netns: 1, device: 'tap0', queue: 0, evidence: [], remedies: [], rejected: [] },
    ...{ confidence: 'high', degraded: [] },
    ...said,
  };
}
