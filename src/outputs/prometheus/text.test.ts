// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Family } from './family.ts';
import type { Format } from './formats.ts';
import { page as renderPage } from './page.ts';
import { createSlices } from './slices.ts';
import { renderLabels, renderValue } from './text.ts';

/** Each line ends with its value. */
function family(name: string, lines: readonly string[], help = 'Help.'): Family {
  const writer: Family['writer'] = (chunks) => (part) => {
    const [, prefix = '', value] = /^(.* )(\S+)$/s.exec(lines[part] ?? '') ?? [];
    chunks.line(prefix, renderValue(Number(value)));
  };
  return { name, type: name.endsWith('_total') ? 'counter' : 'gauge', help, parts: lines.length, writer };
}

function page(families: readonly Family[], format: Format) {
  return renderPage(families, format, createSlices());
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
  const lines = Array.from({ length: 100_000 }, (_, index) => `a{b="${index}"} 1`);
  const expected = `# HELP a Help.\n# TYPE a gauge\n${lines.join('\n')}\n`;
  const seen: string[] = [];
  // Without slices it is one turn of 100 ms and more, each time; a busy machine takes as much away, but not each time.
  for (let attempt = 0; attempt < 10; attempt += 1) {
    let longestMs = 0;
    let turns = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
      turns += 1;
    }, 1);
    let whole = '';
    for await (const chunk of page([family('a', lines)], 'text')) whole += chunk;
    clearInterval(timer);
    assert.equal(whole, expected);
    if (turns >= 10 && longestMs < 60) return;
    seen.push(`${turns} turns, the longest ${longestMs} ms`);
  }
  assert.fail(seen.join('; '));
});

test('chunks are whole, for characters of any width and lines of any length', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `a{b="${'é\u{1f600}€x'.repeat(index % 23)}"} ${index}`);
  const long = `a{b="${'€'.repeat(100_000)}"} 7`;
  const expected = `# HELP a Help.\n# TYPE a gauge\n${[...lines, long, ...lines].join('\n')}\n`;
  assert.equal(await text(page([family('a', [...lines, long, ...lines])], 'text')), expected);
});
