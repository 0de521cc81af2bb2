// SPDX-License-Identifier: Apache-2.0
// Pages about faults that only a kernel with backpressure has, and what they promise to show on such a host.

import type { Case } from './runbook-runner.ts';
import { STOPPING } from './stopping-host.ts';

export const STOPPING_PAGES: Readonly<Record<string, Case>> = {
  TapscopeFlowControlLost: {
    device: STOPPING.robbed,
    shows: [/flow_control="tail-drop"(.*\n)+.*flow_control_lost_total\S+ 1/, /\bopenvpn\b/],
  },
  /** No kernel loses wakes on request: the commands are typed on a queue that is stopped as it should be. */
  TapscopeQueueStuck: {
    device: STOPPING.flow,
    shows: [
      /queue_stopped\S+ 1\n(.*\n)+.*queue_stopped\S+ 1\n/,
      /qdisc fq_codel(.*\n)+.*7\.3/,
      /cause="forced"\} [1-9]/,
    ],
  },
  TapscopeRingDelay: {
    device: STOPPING.bursts,
    shows: [
      /sojourn_seconds_bucket(.*\n)+.*sojourn_seconds_count\S+ [1-9]/,
      /\bopenvpn\b(.*\n)+qdisc tbf/,
      /qdisc fq_codel/,
    ],
  },
};
