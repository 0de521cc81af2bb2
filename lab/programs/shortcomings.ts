// SPDX-License-Identifier: Apache-2.0
// What a run has not proved: `npm run test:programs` succeeds only if there is nothing of it.
import { ABSENT, PROGRAMS } from './all-programs.ts';
import { CASES } from './cases/all-cases.ts';
import type { Outcome, Result } from './diagnose-answer.ts';
import { PARTS, type Part, type PartName, type Parts, type TableRow } from './part.ts';
import { CHECKS } from './program.ts';

/** What issue 19 asks for: of the faults that happened, so many with the right cause first. The same of those that are to happen. */
const WANTED_SHARE = 0.9;
const NEVER: readonly Outcome[] = ['wrong OK', 'false alarm', 'unknown'];

const CASES_OF_ALL = CASES.flatMap(({ name, programs, expected }) =>
  programs.map((program) => ({ program, name, expected })),
);

/** A sentence each; none: all that was `chosen` is proved. `whole`: all programs and cases were to be played, and not some by name. */
export function shortcomings(parts: Parts, chosen: readonly PartName[] = PARTS, whole = true): readonly string[] {
  return chosen.flatMap((name) => {
    const part = parts[name];
    if (!part) return [`${name}: it has not run`];
    const found = name === 'table' ? inTable(part, whole) : inCases(part.results, whole);
    return found.map((one) => `${name}: ${one}`);
  });
}

function inTable({ rows }: Part, whole: boolean): readonly string[] {
  const missing = PROGRAMS.filter(({ name }) => whole && !rows.some(({ program }) => program === name));
  return [
    ...(rows.length === 0 ? ['no program was asked'] : []),
    ...missing.map(({ name }) => `${name} was not asked`),
    ...rows.flatMap(inRow),
  ];
}

/** A program that holds no tap is named in the table, and may be absent. */
function inRow({ program, skipped, cannot, results }: TableRow): readonly string[] {
  if (ABSENT.some(({ name }) => name === program)) return [];
  if (skipped !== undefined) return [`${program} was skipped: ${skipped}`];
  return CHECKS.filter((check) => cannot[check] === undefined).flatMap((check) => {
    const found = results.filter((one) => one.check === check);
    if (found.length === 0) return [`${program}, ${check}: no answer`];
    return found.flatMap(({ wrong }) => wrong.map((one) => `${program}, ${check}: ${one}`));
  });
}

function inCases(results: readonly Result[], whole: boolean): readonly string[] {
  const played = (wanted: (typeof CASES_OF_ALL)[number]): boolean =>
    results.some(({ name, program }) => name === wanted.name && program === wanted.program);
  const missing = whole ? CASES_OF_ALL.filter((one) => !played(one)) : [];
  const isFault = ({ expected }: Pick<Result, 'expected'>): boolean => expected !== undefined;
  const [faults, healthy] = [results.filter(isFault), results.filter((one) => !isFault(one))];
  const happened = (some: readonly Result[]): readonly Result[] =>
    some.filter(({ outcome }) => outcome !== 'did not happen');
  const right = faults.filter(({ outcome }) => outcome === 'right');
  return [
    ...(results.length === 0 ? ['no case was played'] : []),
    ...missing.map(({ program, name }) => `${program}: ${name} was not played`),
    ...tooFew('faults', 'happened', happened(faults), faults),
    ...tooFew('healthy hosts', 'stayed healthy', happened(healthy), healthy),
    ...tooFew('faults', 'had the right cause first', right, happened(faults)),
    ...results.flatMap(({ program, name, outcome }) =>
      NEVER.includes(outcome) ? [`${program}: ${name}: ${outcome}`] : [],
    ),
  ];
}

function tooFew(what: string, did: string, some: readonly Result[], all: readonly Result[]): readonly string[] {
  if (some.length >= WANTED_SHARE * all.length) return [];
  return [`only ${some.length} of ${all.length} ${what} ${did}`];
}
