// SPDX-License-Identifier: Apache-2.0
// All cases, faults and healthy hosts mixed: what a run that is ended early has played is of both.
import type { Case } from '../case.ts';
import { FIREWALLS } from './firewalls.ts';
import { FROM_PROGRAM } from './from-program.ts';
import { HEALTHY } from './healthy.ts';
import { PATHS } from './paths.ts';
import { QDISCS, RINGS } from './queueing.ts';
import { READERS } from './slow-readers.ts';
import { TOWARDS_PROGRAM } from './towards-program.ts';

const everything: readonly Case[] = [
  ...HEALTHY,
  ...QDISCS,
  ...RINGS,
  ...FIREWALLS,
  ...PATHS,
  ...FROM_PROGRAM,
  ...TOWARDS_PROGRAM,
  ...READERS,
];
const healthy = everything.filter(({ expected }) => expected === undefined);
const faults = everything.filter(({ expected }) => expected !== undefined);

export const CASES: readonly Case[] = [...spread(healthy), ...spread(faults)]
  .toSorted((a, b) => a.place - b.place)
  .map(({ one }) => one);

function spread(cases: readonly Case[]): readonly { readonly one: Case; readonly place: number }[] {
  return cases.map((one, index) => ({ one, place: (index + 0.5) / cases.length }));
}
