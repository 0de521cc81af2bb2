// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Texts that a parser of YAML takes seconds for, or all memory: each is refused in time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowness } from '../../../test/host/slowness.ts';
import { parseWebConfig } from './parser.ts';

const WITHIN_MS = 1000;

const texts: Readonly<Record<string, string>> = {
  'nested brackets': '['.repeat(50_000),
  'nested brackets that close': '['.repeat(50_000) + ']'.repeat(50_000),
  'brackets behind texts that seem to close them': '["]", '.repeat(50_000),
  'nested mappings': '{a: '.repeat(50_000),
  'a list of lists in one line': `${'- '.repeat(50_000)}x`,
  'keys of keys in one line': `${'? '.repeat(50_000)}x`,
  'indented ever deeper': Array.from({ length: 2000 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
  'lists that are indented ever deeper': Array.from(
    { length: 400 },
    (_, level) => `${' '.repeat(level * 80)}${'- '.repeat(40)}`,
  ).join('\n'),
  'many keys': Array.from({ length: 50_000 }, (_, key) => `k${key}: 1`).join('\n'),
  'aliases of aliases': Array.from({ length: 40 }, (_, at) => `a${at}: &a${at} [*a${at - 1}, *a${at - 1}]`)
    .join('\n')
    .replaceAll('*a-1', '1'),
  'many anchors': `${'&a '.repeat(50_000)}x`,
  'many tags': `${'!a '.repeat(50_000)}x`,
  'brackets that close nothing': '] '.repeat(50_000),
  'many commas': `a: [${', '.repeat(50_000)}`,
  'many quotes': '" '.repeat(50_000),
  'many directives': '%A\n'.repeat(4000),
  'many documents': '---\n'.repeat(4000),
  'many reserved signs': '@\n'.repeat(4000),
  'a long text': `"${'\\n'.repeat(500_000)}`,
};

for (const [name, text] of Object.entries(texts))
  test(name, async (t) => {
    const began = performance.now();
    assert.throws(
      () => parseWebConfig(text, () => ''),
      ({ message }: Error) => message.length < 500 && !message.includes('\n'),
    );
    const took = performance.now() - began;
    t.diagnostic(`${took} ms`);
    if (took > WITHIN_MS) assert.ok(took < WITHIN_MS * (await slowness()), `it took ${took} ms`);
  });
