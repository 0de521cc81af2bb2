// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// docs/overhead.md says what was last measured, and what was measured is as it must be.
import assert from 'node:assert/strict';
import test from 'node:test';
import { readSection } from '../report/report.ts';
import { SERIES } from '../vm/series.ts';
import { bpfTimesOf, COMING, type Measured, readResults, type Stream, streamsOf, sumOf } from './latency-results.ts';
import { complaints, HERE, latencySection } from './latency-section.ts';

test('the page has the section as the command writes it', () => {
  assert.equal(readSection('latency'), latencySection(readResults()));
});

test('every kernel was measured, and nothing is amiss', () => {
  const results = readResults();
  assert.deepEqual([...results.keys()].sort(), [HERE, ...SERIES].sort());
  assert.deepEqual(
    [...results].flatMap(([series, measured]) => complaints(series, measured)),
    [],
  );
  const newest = results.get('7.3');
  assert.ok((newest?.streams.get(COMING)?.sent ?? 0) > 100_000);
  assert.equal(newest?.cycles, 20);
});

const times = { p50: 5000, p999: 9000, max: 20_000 };
const calm: Stream = { sent: 100, refused: 0, read: 100, passage: times, gap: { ...times, max: 600_000 } };

function complained(stream: Stream): readonly string[] {
  const load = { programs: 0, verified: 0, verifierMs: 0, attachMs: 0, wholeMs: 0, detachMs: 0 };
  const streams = new Map([
    ['without', calm],
    [COMING, stream],
  ]);
  const measured: Measured = { kernel: '', load, packets: new Map(), streams, cycles: 1 };
  return complaints('7.3', measured);
}

test('a lost packet and a long gap are complained of', () => {
  assert.deepEqual(complained(calm), []);
  assert.match(complained({ ...calm, read: 99 }).join(), /: 1 packets were lost/);
  assert.match(complained({ ...calm, read: 99, sent: 98, refused: 2 }).join(), /: 1 packets were lost/);
  assert.match(complained({ ...calm, gap: { ...times, max: 6_000_000 } }).join(), /no packet came for 6\.0 ms/);
});

test('streams are found among what else a guest says', () => {
  const line = JSON.stringify({ stream: COMING, ...calm });
  assert.deepEqual([...streamsOf(`some warning\n{"load":{}}\n${line}\n`)], [[COMING, calm]]);
});

test('what libbpf only tries is time, and no program', () => {
  const lines = [
    '5 100000  2',
    '5 200000 try_tracing 2',
    '0 900000 - 0',
    '5 3000000 dropped_typed 12700',
    '28 15500000 - 0',
  ];
  const sum = sumOf(bpfTimesOf(`${lines.join('\n')}\n`));
  assert.deepEqual(sum, { programs: 1, verified: 12_704, verifierMs: 3.3, attachMs: 15.5 });
});

test('a line that is not whole is no time', () => {
  assert.deepEqual(bpfTimesOf('5 100000 dropped_typed'), []);
});
