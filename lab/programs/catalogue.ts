// SPDX-License-Identifier: Apache-2.0
// All cases, the healthy ones first: what is said of a fault may stand for a while after it.
import type { Case } from './case.ts';
import { FIREWALLS } from './cases/firewalls.ts';
import { HEALTHY } from './cases/healthy.ts';
import { PATHS } from './cases/paths.ts';
import { QDISCS } from './cases/qdiscs.ts';
import { READERS } from './cases/readers.ts';
import { RINGS } from './cases/rings.ts';

const everything: readonly Case[] = [...HEALTHY, ...QDISCS, ...RINGS, ...FIREWALLS, ...PATHS, ...READERS];

export const CASES: readonly Case[] = everything.toSorted((a, b) => rank(a) - rank(b));

function rank({ expected }: Case): number {
  return expected === undefined ? 0 : 1;
}
