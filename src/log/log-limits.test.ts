// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What another process may write: its lines, how long and how many, and what is counted of the rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discardedOutputLines, OUTPUT_LIMITS, OutputLimits, OutputLines } from './log-limits.ts';

function clocked() {
  const clock = { ms: 0 };
  const put: string[] = [];
  const lines = new OutputLines(new OutputLimits(() => clock.ms), (line) => put.push(line));
  const before = discardedOutputLines();
  return { clock, put, lines, discarded: () => discardedOutputLines() - before };
}

test('lines come whole, however they are cut, and the last one without an end', () => {
  const { put, lines, discarded } = clocked();
  for (const byte of Buffer.from('ein Gerät\nzwei\n\ndrei')) lines.take(Buffer.of(byte));
  lines.end();
  assert.deepEqual(put, ['ein Gerät\n', 'zwei\n', '\n', 'drei\n']);
  assert.equal(discarded(), 0);
});

test('a line drives no terminal', () => {
  const { put, lines } = clocked();
  lines.take(Buffer.from('a\u001b[2J\u009b2J\u202eb\rc\n'));
  assert.doesNotMatch((put[0] ?? '').trimEnd(), /[\p{Cc}\p{Cf}]/u);
});

test('a line that never ends takes no memory, is cut, and counts', () => {
  const { put, lines, discarded } = clocked();
  for (let i = 0; i < 1000; i += 1) lines.take(Buffer.alloc(64 * 1024, 'x'));
  lines.take(Buffer.from('\nnext\n'));
  assert.deepEqual(
    put.map((line) => line.length),
    [OUTPUT_LIMITS.lineLength + 2, 5],
  );
  assert.equal(discarded(), 1);
});

test('a flood of lines is cut off, counted, and over after a second', () => {
  const { clock, put, lines, discarded } = clocked();
  const { burst, perSecond } = OUTPUT_LIMITS.lines;
  lines.take(Buffer.from('x\n'.repeat(10_000)));
  assert.equal(put.length, burst);
  assert.equal(discarded(), 10_000 - burst);
  clock.ms += 1000;
  lines.take(Buffer.from('y\n'.repeat(10_000)));
  assert.equal(put.length, burst + perSecond);
});

test('a flood of bytes is cut off too, of both outputs together', () => {
  const clock = { ms: 0 };
  const limits = new OutputLimits(() => clock.ms);
  let bytes = 0;
  const [out, error] = [0, 1].map(
    () =>
      new OutputLines(limits, (line) => {
        bytes += line.length;
      }),
  );
  const line = Buffer.from(`${'z'.repeat(8000)}\n`);
  for (let i = 0; i < 100; i += 1) for (const one of [out, error]) one?.take(line);
  const { burst } = OUTPUT_LIMITS.characters;
  assert.ok(bytes <= burst + 100 && bytes > burst - 8001, `${bytes}`);
});
