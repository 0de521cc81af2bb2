// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// `npm run test:programs` succeeds only if all was played, and all of it was right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ABSENT, PROGRAMS } from './all-programs.ts';
import type { Case } from './case.ts';
import { CASES } from './cases/all-cases.ts';
import { type Answer, type Outcome, outcomeOf, type Result } from './diagnose-answer.ts';
import type { Part, Parts, TableRow } from './part.ts';
import { CHECKS } from './program.ts';
import { report } from './programs-page.ts';
import type { Truth } from './scene.ts';
import { shortcomings } from './shortcomings.ts';

const run: Part = {
  rows: [],
  results: [],
  loops: 0,
  loads: [3.2, 12.4],
  minutes: 1,
  kernel: '6.18',
  date: '2026-11-24T21:00:00Z',
  commit: 'abc1234',
};
const absent = ABSENT.map(({ name }) => name);

const rows: readonly TableRow[] = PROGRAMS.map(({ name, from, cannot = {} }) => ({
  program: name,
  from,
  cannot,
  skipped: absent.includes(name) ? 'it holds no tap' : undefined,
  results: absent.includes(name) ? [] : CHECKS.map((check) => ({ check, wrong: [], seen: 'all' })),
}));

const results: readonly Result[] = CASES.flatMap(({ name, programs, expected }) =>
  programs.map((program) => ({
    program,
    name,
    expected,
    outcome: expected ? 'right' : 'healthy',
    diagnosed: undefined,
    checked: undefined,
    truth: undefined,
    failure: undefined,
  })),
);

const good = { table: { ...run, rows }, idle: { ...run, results }, busy: { ...run, results } } satisfies Parts;

function withRow(change: (row: TableRow) => TableRow): Parts {
  return { ...good, table: { ...run, rows: rows.map((row) => (row.program === 'openvpn' ? change(row) : row)) } };
}

/** The first `times` cases of that kind ended so. */
function ended(outcome: Outcome, kind: 'healthy' | 'right', times: number): Parts {
  let left = times;
  const changed = results.map((one) => (one.outcome === kind && left-- > 0 ? { ...one, outcome } : one));
  return { ...good, idle: { ...run, results: changed } };
}

test('all was played, and all was right', () => assert.deepEqual(shortcomings(good), []));

const count = (kind: Outcome): number => results.filter(({ outcome }) => outcome === kind).length;

for (const [what, parts, said] of [
  ['nothing has run', {}, /^table: it has not run$/],
  ['a part has not run', { table: good.table, idle: good.idle }, /^busy: it has not run$/],
  ['no program was asked', { ...good, table: run }, /^table: no program was asked$/],
  ['a program is missing', { ...good, table: { ...run, rows: rows.slice(1) } }, /^table: openvpn was not asked$/],
  ['a program was skipped', withRow((row) => ({ ...row, skipped: 'needs it' })), /openvpn was skipped: needs it$/],
  [
    'a check has no answer',
    withRow((row) => ({ ...row, results: row.results.slice(1) })),
    /openvpn, owner: no answer$/,
  ],
  [
    'a check is wrong',
    withRow((row) => ({ ...row, results: row.results.map((one) => ({ ...one, wrong: ['shown 1'] })) })),
    /openvpn, owner: shown 1$/,
  ],
  ['no case was played', { ...good, idle: run }, /^idle: no case was played$/],
  ['a case is missing', { ...good, busy: { ...run, results: results.slice(1) } }, /^busy: .* was not played$/],
  ['a healthy host is unknown', ended('unknown', 'healthy', 1), /^idle: .*: unknown$/],
  ['a false alarm', ended('false alarm', 'healthy', 1), /^idle: .*: false alarm$/],
  ['a wrong OK', ended('wrong OK', 'right', 1), /^idle: .*: wrong OK$/],
  [
    'no fault happened',
    ended('did not happen', 'right', count('right')),
    new RegExp(`^idle: only 0 of ${count('right')} faults happened$`),
  ],
  ['healthy hosts lost packets', ended('did not happen', 'healthy', 10), /^idle: only \d+ of \d+ healthy hosts stayed/],
  ['too many other causes', ended('wrong', 'right', 10), /^idle: only \d+ of \d+ faults had the right cause first$/],
] as const)
  test(`${what}: not proved`, () => assert.match(shortcomings(parts)[0] ?? '', said));

test('a case that did not happen on a busy machine is no failure, nor is one other cause of ten', () => {
  assert.deepEqual(shortcomings(ended('did not happen', 'healthy', 1)), []);
  assert.deepEqual(shortcomings(ended('wrong', 'right', 3)), []);
});

test('of a run of some by name: what was chosen, and something', () => {
  const some = { table: { ...run, rows: rows.slice(0, 1) } };
  assert.deepEqual(shortcomings(some, ['table'], false), []);
  assert.deepEqual(shortcomings({ table: run }, ['table'], false), ['table: no program was asked']);
});

test('a heading has the load that was measured, and a part that has not run since keeps its section', () => {
  const page = report(good);
  assert.match(page, /^## Cases without loops beside them: load average 3 at begin, 12 at end$/m);
  assert.equal(report({}, page), page);
});

const all: Truth = { sent: 1000, arrived: 1000, txDropped: 0, rxDropped: 0, taken: 600_000, given: 200 };
const lostBeyond: Truth = { ...all, arrived: 990 };
const lostHere: Truth = { ...lostBeyond, txDropped: 10 };

const told = (verdict: string, rule: string, info = verdict === 'ok' || verdict === 'unknown'): Answer => ({
  verdict,
  findings: [{ rule, info, cause: '', seen: undefined }],
});
const ok = told('ok', 'not-here');
const alarm = told('warning', 'ring-full-burst');

for (const [what, expected, moves, diagnosed, checked, truth, outcome] of [
  ['healthy', undefined, [], ok, ok, all, 'healthy'],
  ['healthy, and unknown', undefined, [], told('unknown', 'not-here'), ok, all, 'unknown'],
  ['healthy, and an alarm', undefined, [], alarm, ok, all, 'false alarm'],
  ['healthy, and an alarm of check', undefined, [], ok, alarm, all, 'false alarm'],
  ['packets were lost beyond the device', undefined, [], ok, ok, lostBeyond, 'did not happen'],
  ['packets were lost beyond the device, and an alarm', undefined, [], alarm, ok, lostBeyond, 'false alarm'],
  ['the device lost packets, and an alarm', undefined, [], alarm, ok, lostHere, 'did not happen'],
  ['traffic flowed', undefined, ['taken'], ok, ok, all, 'healthy'],
  ['no traffic flowed back', undefined, ['taken', 'given'], ok, ok, all, 'did not happen'],
  ['no traffic flowed back, and an alarm', undefined, ['given'], alarm, ok, all, 'false alarm'],
  ['a fault', ['ring-full-burst'], [], alarm, undefined, lostHere, 'right'],
  ['a fault, and another cause', ['reader-stalled'], [], alarm, undefined, lostHere, 'wrong'],
  ['a fault, and OK', ['not-here'], [], ok, undefined, lostHere, 'wrong OK'],
  ['a fault, and unknown', ['not-here'], [], told('unknown', 'not-here'), undefined, lostBeyond, 'right'],
  ['a fault by which nothing was lost', ['ring-full-burst'], [], alarm, undefined, all, 'did not happen'],
] as const satisfies readonly (readonly [
  string,
  Case['expected'],
  Case['moves'],
  Answer,
  Answer | undefined,
  Truth,
  Outcome,
])[])
  test(`${what}: ${outcome}`, () => assert.equal(outcomeOf({ expected, moves }, diagnosed, checked, truth), outcome));
