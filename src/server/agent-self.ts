// SPDX-License-Identifier: Apache-2.0
// The state of a running agent, for other commands on this host.

import type { AgentState } from '../snapshot/snapshot.ts';

export interface AgentSelf {
  readonly pid: number;
  readonly level: AgentState['level'];
  /** Between two samples of the host; more than 1: the agent takes more than its budget. */
  readonly lookSeconds: number;
  /** Share of the host's CPU time by part of the agent; empty: not measured yet. */
  readonly overhead: Readonly<Record<string, number>>;
  /** One sentence on which unintended clients can read its metrics; null: none can. */
  readonly exposure: string | null;
  /** Sentences on what code that breaks into the process that answers requests could reach; empty: nothing. */
  readonly openings: readonly string[];
  /** Address of its page; null: it does not serve yet. */
  readonly page: string | null;
}
