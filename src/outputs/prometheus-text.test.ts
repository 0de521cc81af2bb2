// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Family, page, renderLabels, renderValue } from './prometheus-text.ts';

function family(name: string, lines: readonly string[], help = 'Help.'): Family {
  return { name, type: name.endsWith('_total') ? 'counter' : 'gauge', help, lines };
}

test('text: families are parted by blank lines, one without series is left out', async () => {
  const families = [family('a_total', ['a_total 1', 'a_total{b="c"} 2']), family('empty', []), family('d', ['d 3'])];
  assert.equal(
    await text(page(families, 'text')),
    '# HELP a_total Help.\n# TYPE a_total counter\na_total 1\na_total{b="c"} 2\n\n# HELP d Help.\n# TYPE d gauge\nd 3\n',
  );
});

test('OpenMetrics: a counter family lacks _total, no blank line, an end', async () => {
  const families = [family('a_total', ['a_total 1']), family('empty', []), family('d', ['d 3'])];
  assert.equal(
    await text(page(families, 'openmetrics')),
    '# HELP a Help.\n# TYPE a counter\na_total 1\n# HELP d Help.\n# TYPE d gauge\nd 3\n# EOF\n',
  );
});

test('help and labels are escaped', async () => {
  assert.match(await text(page([family('a', ['a 1'], 'x\\y\nz')], 'text')), /^# HELP a x\\\\y\\nz\n/);
  assert.equal(
    renderLabels([
      ['a', 'x\\y\n"z"'],
      ['b', ''],
    ]),
    'a="x\\\\y\\n\\"z\\"",b=""',
  );
});

for (const [value, rendered] of [
  [0, '0'],
  [-0, '0'],
  [2 ** 53, '9007199254740992'],
  [0.1, '0.1'],
  [1e21, '1e+21'],
  [Number.NaN, 'Nan'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
] as const) {
  test(`${value} is written ${rendered}`, () => assert.equal(renderValue(value), rendered));
}

test('other work runs between the chunks of a long page', async () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `a{b="${index}"} 1`);
  let turns = 0;
  let running = true;
  const count = () => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  const chunks: string[] = [];
  for await (const chunk of page([family('a', lines)], 'text')) chunks.push(chunk);
  running = false;
  assert.equal(chunks.join(''), `# HELP a Help.\n# TYPE a gauge\n${lines.join('\n')}\n`);
  assert.ok(chunks.length >= 5 && turns >= 4, `${chunks.length} chunks, ${turns} turns`);
});
