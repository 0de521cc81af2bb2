// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// /proc/kallsyms of any bytes, through the addon (`npm run test:asan`: with sanitizers): it finds what a plain reading finds.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { array, bigInt, constantFrom, oneof, record, uint8Array } from 'fast-check';
import { damaged } from '../../test/fuzz/damage.ts';
import { anyText } from '../../test/fuzz/hostile-text.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { textSymbols, textSymbolsAt } from './native.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapscope-symbols-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'kallsyms');

const NAMES = ['tun_net_xmit', 'a', 'b'];
const word = constantFrom(...NAMES, 'c', 'a.cold', 'a.isra.0', 'b.constprop.0.isra.1', 'tun_net_xmit.part.0');
const symbol = record({
  start: bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  type: constantFrom('t', 'T', 'd', 'A', 'w'),
  name: word,
  module: constantFrom('', '\t[tun]'),
});
type Symbol = typeof symbol extends { generate(...all: never[]): { readonly value: infer Value } } ? Value : never;

const lineOf = ({ start, type, name, module }: Symbol): string =>
  `${start.toString(16).padStart(16, '0')} ${type} ${name}${module}`;

holdsForAll(
  'functions of the kernel, by name and by address',
  array(symbol, { maxLength: 12 }),
  (symbols) => {
    writeFileSync(path, symbols.map((one) => `${lineOf(one)}\n`).join(''));
    const functions = symbols.filter(({ type }) => 'tT'.includes(type));
    const starts = functions.map(({ start }) => start);
    const nextTo = (start: bigint) =>
      starts
        .filter((one) => one > start)
        .reduce<bigint | undefined>((least, one) => (least === undefined || one < least ? one : least), undefined);
    const wanted = functions.filter(({ name }) => NAMES.includes(name.replace(/\..*/, '')));
    assert.deepEqual(
      textSymbols(path, NAMES).map(({ name, whole, start, end }) => [name, whole, start, end]),
      wanted.map(({ name, start }) => [name.replace(/\..*/, ''), !name.includes('.'), start, nextTo(start)]),
    );
    const at = BigUint64Array.from(starts.flatMap((start) => [start, start + 1n]));
    for (const [index, name] of textSymbolsAt(path, at).entries()) {
      const address = at[index] ?? 0n;
      const below = starts.filter((start) => start <= address && start > 0n);
      assert.equal(name === undefined, below.length === 0);
      const nearest = below.reduce((most, start) => (start > most ? start : most), 0n);
      if (name !== undefined)
        assert.equal(name, functions.find(({ start }) => start === nearest)?.name.replace(/\..*/, ''));
    }
  },
  { runs: 300 },
);

const good = Buffer.from(
  `${['ffffffff81000000 T a', 'ffffffff81000040 t b.cold\t[tun]', 'ffffffff81000080 d c'].join('\n')}\n`,
);
holdsForAll(
  'bytes that are no list of symbols',
  oneof(
    damaged(good),
    uint8Array({ maxLength: 200 }),
    array(anyText(30)).map((lines) => Buffer.from(lines.join('\n'))),
    constantFrom(Buffer.alloc(100_000, 't')),
  ),
  (bytes) => {
    writeFileSync(path, bytes);
    for (const { name, start, end } of textSymbols(path, NAMES))
      assert.ok(NAMES.includes(name) && (end === undefined || end > start));
    assert.equal(textSymbolsAt(path, BigUint64Array.of(0n, 2n ** 64n - 1n)).length, 2);
  },
  { runs: 500 },
);
