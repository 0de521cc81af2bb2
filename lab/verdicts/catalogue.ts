// SPDX-License-Identifier: Apache-2.0
// All scenarios: a new one is an entry in the file of its subject.
import { BEFORE_TUN } from './before-tun.ts';
import { BEHIND } from './behind.ts';
import { BLINDNESS, BUDGETS } from './blindness.ts';
import { BRIDGE_PORTS } from './bridge-ports.ts';
import { MACVTAPS } from './macvtaps.ts';
import { OVERFLOW } from './overflow.ts';
import { PAIRS } from './pairs.ts';
import { WRITTEN } from './program-faults.ts';
import { PROGRAM_SIDE } from './program-side.ts';
import { MULTI_QUEUE } from './queues.ts';
import { READERS } from './reader-faults.ts';
import type { Entry, Scenario } from './scenario.ts';

const ENTRIES: readonly Entry[] = [
  ...OVERFLOW,
  ...READERS,
  ...MULTI_QUEUE,
  ...BEFORE_TUN,
  ...WRITTEN,
  ...PROGRAM_SIDE,
  ...BEHIND,
  ...BRIDGE_PORTS,
  ...MACVTAPS,
  ...BLINDNESS,
  ...PAIRS,
  ...BUDGETS,
];

export const SCENARIOS: readonly Scenario[] = ENTRIES.map((entry) => {
  if ('prepare' in entry) return { faults: [], ...entry };
  const { setUp, begin, ...scenario } = entry;
  const prepare: Scenario['prepare'] = async (stage) => {
    await setUp(stage);
    return () => begin(stage);
  };
  return { faults: [], ...scenario, prepare };
});
