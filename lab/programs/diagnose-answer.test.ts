// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What the answers of a case are worth: right or wrong, an alarm or a false one, or nothing because nothing happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Case } from './case.ts';
import { type Answer, type Outcome, outcomeOf } from './diagnose-answer.ts';
import type { Truth } from './scene.ts';

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
