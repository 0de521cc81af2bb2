// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { dropsFlags, readDropsOptions } from './drops-options.ts';

function parse(...words: readonly string[]) {
  const command = new Command().exitOverride().argument('[device]');
  for (const name of ['netns', 'vm', 'pod', 'process']) command.option(`--${name} <name>`);
  for (const [flags, description] of dropsFlags) command.option(flags, description);
  command.parse(words, { from: 'user' });
  return readDropsOptions(command.args[0], command.opts());
}

const EVERYTHING = { device: undefined, netns: undefined, vm: undefined, pod: undefined, process: undefined };
const DEFAULTS = {
  scope: EVERYTHING,
  reason: undefined,
  rate: 0,
  stacks: false,
  json: false,
  lines: undefined,
  forMs: 10_000,
};

const cases: readonly (readonly [words: readonly string[], expected: object])[] = [
  [[], {}],
  [['--follow'], { forMs: undefined }],
  [['-c', '3'], { lines: 3, forMs: undefined }],
  [['--follow', '--for', '5m'], { forMs: 300_000 }],
  [['--for', '2.5'], { forMs: 2500 }],
  [['--packets'], { rate: 100 }],
  [['--stack'], { rate: 100, stacks: true }],
  [['--rate-limit', '7'], { rate: 7 }],
  [['tap0', '--netns', 'blue'], { scope: { ...EVERYTHING, device: 'tap0', netns: 'blue' } }],
  [['--vm', 'web1', '--process', '17'], { scope: { ...EVERYTHING, vm: 'web1', process: '17' } }],
  [['--reason', 'SKB_DROP_REASON_FULL_RING', '--json'], { reason: 'FULL_RING', json: true }],
];

for (const [words, expected] of cases)
  test(`drops ${words.join(' ')}`, () => assert.deepEqual(parse(...words), { ...DEFAULTS, ...expected }));

for (const [words, message] of [
  [['--for', 'soon'], /^--for=soon is not a time between 0\.1 s and 86400 s; .*\.$/],
  [['--for', '0'], /^--for=0 is not a time /],
  [['--for', '25h'], /^--for=25h is not a time /],
  [['-c', '0'], /^--count=0: write a whole number from 1 to \d+\.$/],
  [['--rate-limit', '1e3'], /^--rate-limit=1e3: write a whole number from 1 to 10000\.$/],
  [['--rate-limit', '10001'], /^--rate-limit=10001: /],
] as const)
  test(`drops ${words.join(' ')} is refused`, () => assert.throws(() => parse(...words), { message }));
