// SPDX-License-Identifier: Apache-2.0
// Metrics that only Linux 7.3 and later have; tests on older kernels use a recording.
import type { ShownPanel } from './panel-queries.ts';
import { catalogue } from './query.ts';

const ONLY = [
  'tapscope_queue_consumed_packets_total',
  'tapscope_queue_sojourn_seconds',
  'tapscope_device_flow_control_lost_total',
];

export const NEEDS_LINUX_7_3: readonly string[] = catalogue
  .map(({ name }) => name)
  .filter((name) => ONLY.includes(name) || /^tapscope_queue_(stop|wake|resume|softirq)/.test(name));

/** A query of it cannot be answered where the kernel is older. */
export function needsLinux73({ queries }: ShownPanel): boolean {
  return queries.some(({ expr }) => NEEDS_LINUX_7_3.some((name) => new RegExp(`${name}(_bucket)?\\{`).test(expr)));
}
