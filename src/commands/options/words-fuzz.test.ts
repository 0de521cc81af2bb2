// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Words of the command line: a value within its limits, or one sentence; and what we write ourselves is read.
import assert from 'node:assert/strict';
import { constantFrom, date, dictionary, double, integer, oneof, record } from 'fast-check';
import { deviceName, typedWord } from '../../../test/fuzz/hostile-text.ts';
import { holdsForAll, orSentence } from '../../../test/fuzz/property.ts';
import { parseBudget } from '../../engine/budget.ts';
import { deviceFilter } from '../../inventory/device-filter.ts';
import { formatAddress, parseListenAddress } from '../../server/listen-address.ts';
import { readDropsOptions } from './drops-options.ts';
import { parseDuration } from './duration.ts';
import { readServeOptions, serveFlags } from './serve-options.ts';
import { parsePast } from './time-of-day.ts';

const NOW = new Date('2026-03-29T12:00:00Z');
const number = oneof(
  integer().map(String),
  double().map(String),
  constantFrom('', '-0', '1e3', '0x10', '9'.repeat(400), '.5', '5.', '٣'),
);
const time = oneof(
  record({ number, unit: constantFrom('', 's', 'm', 'h', ' s', 'ms', 'd', ' ago') }).map(
    ({ number: of, unit }) => of + unit,
  ),
  record({ hour: integer({ min: -1, max: 30 }), minute: integer({ min: -1, max: 70 }) }).map(
    ({ hour, minute }) => `${hour}:${minute}`,
  ),
  date({ noInvalidDate: true }).map((one) => one.toISOString()),
  typedWord(),
);

holdsForAll('a duration is within its limits', time, (text) => {
  const seconds = orSentence(() => parseDuration('--for', text, { least: 2, most: 3600 }));
  assert.ok(seconds === undefined || (seconds >= 2 && seconds <= 3600));
});

holdsForAll('a duration that is written is read', integer({ min: 2, max: 3600 }), (seconds) => {
  for (const [unit, each] of [
    ['s', 1],
    ['', 1],
    ['m', 60],
    ['h', 3600],
  ] as const)
    assert.equal(parseDuration('--for', `${seconds}${unit}`, { least: 0, most: 1e9 }), seconds * each);
});

holdsForAll('a time is one; of a day, not after now', time, (text) => {
  const at = orSentence(() => parsePast('--at', text, NOW).at);
  assert.ok(at === undefined || Number.isFinite(at));
  if (at !== undefined && /^\d?\d:\d\d|ago$|^-\d/.test(text) && !/^\d{4}/.test(text))
    assert.ok(at <= NOW.getTime() / 1000);
});

const host = oneof(constantFrom('', '127.0.0.1', '[::1]', 'localhost', '[', '::', '[fe80::1%eth0]'), typedWord());
holdsForAll(
  'an address is written as it was read',
  oneof(
    record({ host, port: oneof(number, integer({ min: 0, max: 70_000 }).map(String)) }).map(
      ({ host: of, port }) => `${of}:${port}`,
    ),
    typedWord(),
  ),
  (text) => {
    const found = orSentence(() => parseListenAddress(text));
    if (found === undefined) return;
    assert.ok(Number.isInteger(found.port) && found.port >= 0 && found.port <= 65_535);
    assert.deepEqual(parseListenAddress(formatAddress(found)), found);
  },
);

holdsForAll(
  'a budget is a share, or off',
  oneof(
    number,
    number.map((text) => `${text}%`),
    typedWord(),
  ),
  (text) => {
    const share = orSentence(() => parseBudget(text));
    assert.ok(share === undefined || (share > 0 && share <= 1), `${share}`);
  },
);

holdsForAll(
  'a pattern of devices matches whole names',
  record({ pattern: oneof(typedWord(10), constantFrom('tap.*', '(a|b', 'a|b', '^', '(?!x)')), name: deviceName }),
  ({ pattern, name }) => {
    const shows = orSentence(() => deviceFilter(pattern, undefined));
    const hides = orSentence(() => deviceFilter(undefined, pattern));
    assert.equal(shows === undefined, hides === undefined);
    if (shows && hides) assert.equal(shows(name), !hides(name));
    // A name whose special characters are escaped is a pattern that matches itself and nothing longer.
    const plain = deviceFilter(name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), undefined);
    assert.deepEqual([plain(name), plain(`${name}x`)], [true, false]);
  },
  { runs: 5000 },
);

const values = (names: readonly string[]) =>
  dictionary(
    constantFrom(...names),
    oneof(typedWord(), time, number, constantFrom('json', 'text', 'queue', 'warn', 'off')),
  );
const usual = {
  'web.listenAddress': '127.0.0.1:1',
  socket: '/x',
  detail: 'queue',
  budget: '1%',
  'log.level': 'warn',
  'log.format': 'text',
  otlpInterval: '60s',
};
const keys = [
  ...Object.keys(usual),
  ...serveFlags.map(({ flags }) => flags.replace(/^--| .*/g, '')),
  'deviceInclude',
  'otlp',
  '__proto__',
];

holdsForAll(
  'flags of serve',
  values(keys),
  (given) => void orSentence(() => readServeOptions({ ...usual, ...given })),
  { runs: 4000 },
);

holdsForAll(
  'flags of drops',
  values(['for', 'count', 'rateLimit', 'reason', 'netns', 'vm']),
  (given) => {
    const { rate = 1, lines = 1, forMs = 1 } = orSentence(() => readDropsOptions('tap0', given)) ?? {};
    assert.ok(rate >= 0 && rate <= 10_000 && lines >= 1 && forMs > 0);
  },
  { runs: 4000 },
);
