// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBenchFlags } from './bench-options.ts';

const VALUES = { seconds: '2', format: 'text' };

test('flags are read', () => {
  const { cells, seconds, repeats, format } = readBenchFlags({ ...VALUES, seconds: '0.5', only: '/tail-drop$' });
  assert.deepEqual([cells.length, seconds, repeats, format], [18, 0.5, 3, 'text']);
});

test('--table takes the cells of its document', () => {
  const counts = ['v7', 'v8', 'wake', 'zero-copy', 'napi', 'multiqueue', 'latency'].map(
    (table) => readBenchFlags({ ...VALUES, table }).cells.length,
  );
  assert.deepEqual(counts, [12, 6, 12, 16, 1, 336, 4]);
  assert.equal(readBenchFlags({ ...VALUES, table: 'v7', only: '^vhost/.*sample03$' }).cells.length, 2);
});

test('the long table is measured once, if no count of repeats is written', () => {
  const repeats = (values: Readonly<Record<string, string>>): number =>
    readBenchFlags({ ...VALUES, ...values }).repeats;
  assert.deepEqual(
    [repeats({}), repeats({ table: 'multiqueue' }), repeats({ table: 'multiqueue', repeats: '5' })],
    [3, 1, 5],
  );
});

test('what the guests in QEMU are made of', () => {
  assert.deepEqual(readBenchFlags(VALUES).guests, { kernel: undefined, vhost: undefined });
  assert.deepEqual(readBenchFlags({ ...VALUES, guestKernel: '/k', guestVhost: 'off' }).guests, {
    kernel: '/k',
    vhost: false,
  });
});

test('what cannot be is refused in one sentence', () => {
  const cases: readonly (readonly [values: Readonly<Record<string, string>>, message: RegExp])[] = [
    [{ seconds: '0' }, /^--seconds=0 is out of range: write a number from 0\.1 to 3600\.$/],
    [{ seconds: '1e9' }, /^--seconds=1e9 is out of range/],
    [{ repeats: '2.5' }, /^--repeats=2\.5 is out of range: write a number from 1 to 1000\.$/],
    [{ repeats: '-1' }, /^--repeats=-1 is out of range/],
    [{ format: 'xml' }, /^--format=xml is unknown; write one of: text, markdown, csv, json\.$/],
    [
      { table: 'v9' },
      /^--table=v9 is unknown; write one of: v7, v8, wake, profile, zero-copy, napi, multiqueue, latency\.$/,
    ],
    [{ table: 'v7', only: 'size' }, /^--only=size names none of the 12 cells of v7; /],
    [{ guestVhost: 'yes' }, /^--guest-vhost=yes is unknown; write on or off\.$/],
    [{ table: 'v7', format: 'csv' }, /^--table=v7 has the layout of its document: --format is text or json\.$/],
    [{ against: 'a', repeats: '7' }, /^--repeats=7 is too few for --against, which judges 8 or more of each cell\.$/],
    [
      { against: 'a', format: 'csv' },
      /^--against has no csv, which is one table: --format is text, markdown or json\.$/,
    ],
    [{ only: '(' }, /^--only=\( is no regular expression: /],
  ];
  for (const [values, message] of cases)
    assert.throws(() => readBenchFlags({ ...VALUES, ...values }), { message }, JSON.stringify(values));
});

test('what is kept or compared has more repeats', () => {
  const read = (values: Readonly<Record<string, string>>): readonly unknown[] => {
    const { repeats, save, against } = readBenchFlags({ ...VALUES, ...values });
    return [repeats, save, against];
  };
  assert.deepEqual(read({ save: 'a.json' }), [10, 'a.json', undefined]);
  assert.deepEqual(read({ against: 'a.json', table: 'multiqueue' }), [10, undefined, 'a.json']);
  assert.deepEqual(read({ save: 'a.json', repeats: '3' }), [3, 'a.json', undefined]);
});
