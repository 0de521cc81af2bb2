// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'fast-string-width';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { COLUMNS, columnsIn } from './top-columns.ts';
import type { TopView } from './top-rows.ts';
import { renderTop } from './top-screen.ts';

const calm: QueueRate = {
  device: 'tap2',
  netns: 4026531840,
  namespace: 'blue',
  queue: 0,
  offered: 12_345,
  dropped: 0,
  written: 9.96,
  lostBefore: 0,
  ring: { capacity: 1000, occupancy: 3, lag: 0, highwater: 3 },
  stopped: undefined,
  sojourn: undefined,
  reader: { name: 'openvpn', thread: 312 },
  state: undefined,
  owner: { pid: 312, comm: 'openvpn', startedAt: undefined, identity: undefined },
};
const lossy: QueueRate = {
  ...calm,
  device: 'tap10',
  queue: 1,
  offered: 1_234_567,
  dropped: 999.6,
  ring: { capacity: 500, occupancy: 500, lag: 0, highwater: 500 },
  stopped: 0.5,
  sojourn: 0.00105,
  state: 'waiting',
};
const gone: QueueRate = {
  ...calm,
  device: 'tap1',
  queue: undefined,
  ring: undefined,
  reader: undefined,
  offered: 0,
  owner: undefined,
};
const RATES = [calm, lossy, gone];
const VIEW: TopView = { sort: 'd', isReversed: false, filter: '', offset: 0 };

function picture(
  view: Partial<TopView>,
  width: number,
  height?: number,
  rates = RATES,
  colours = false,
): readonly string[] {
  const seen = { takenAt: 1_795_000_000, rates, cost: 'This costs nothing', height, typing: false };
  return renderTop(seen, { ...VIEW, ...view }, { width, colours }).split('\n');
}
const devices = (rows: readonly string[]): readonly string[] =>
  rows.flatMap((row) => /^tap[\w/]+/.exec(row)?.[0] ?? []);

test('a list has every column, the queue that loses most first', () => {
  const [head, titles, ...rows] = picture({}, Number.POSITIVE_INFINITY).map((row) => row.replace(/ +/g, ' '));
  assert.equal(head, '3 of 3 queues, 1 losing packets, 11:06:40 UTC');
  assert.equal(titles, 'DEVICE DROP/s* TO/s FROM/s RING STOP P99< BEFORE/s STATE READER OWNER');
  assert.deepEqual(rows, [
    'tap10/1 1.00k 1.23M 10.0 ████████ 500/500 50% 1.1ms 0 waiting openvpn 312 openvpn (pid 312) in blue',
    'tap1 0 0 10.0 – – – 0 – – – in blue',
    'tap2/0 0 12.3k 10.0 █······· 3/1000 – – 0 – openvpn 312 openvpn (pid 312) in blue',
    'This costs nothing',
  ]);
});

test('every column can be sorted by, up and down; no key means two things', () => {
  assert.deepEqual(devices(picture({ sort: 'n' }, 200)), ['tap1', 'tap2/0', 'tap10/1']);
  assert.deepEqual(devices(picture({ sort: 'n', isReversed: true }, 200)), ['tap10/1', 'tap2/0', 'tap1']);
  assert.deepEqual(devices(picture({ sort: 't' }, 200)), ['tap10/1', 'tap2/0', 'tap1']);
  assert.deepEqual(devices(picture({ sort: 'r' }, 200)), ['tap10/1', 'tap2/0', 'tap1']);
  assert.deepEqual(devices(picture({ sort: 'e' }, 200)), ['tap10/1', 'tap1', 'tap2/0']);
  assert.equal(new Set([...COLUMNS.map(({ key }) => key), 'q', 'R', '/']).size, COLUMNS.length + 3);
});

test('the filter looks at names, states and owners', () => {
  assert.deepEqual(devices(picture({ filter: 'OPENVPN' }, 200)), ['tap10/1', 'tap2/0']);
  assert.deepEqual(devices(picture({ filter: 'wait' }, 200)), ['tap10/1']);
  assert.match(picture({ filter: 'none' }, 200).join('\n'), /^0 of 3 queues.*\n.*\nfilter: none\n/);
});

test('a picture is never wider or higher than its terminal, and shows names and losses at 20 columns', () => {
  const many = Array.from({ length: 300 }, (_, index): QueueRate => ({ ...lossy, device: `tap${index}`, queue: 0 }));
  for (const width of [20, 33, 80, 132, 250])
    for (const height of [5, 10, 24, 60]) {
      const rows = picture({}, width, height, many);
      assert.ok(rows.length <= height, `${rows.length} rows at ${width} x ${height}`);
      assert.deepEqual(
        rows.filter((row) => [...row].length > width),
        [],
      );
    }
  assert.match(picture({}, 20, 24, many).join('\n'), /\ntap0\/0 +1\.00k\n/);
  assert.deepEqual(
    columnsIn(80).map(({ title }) => title),
    ['DEVICE', 'DROP/s', 'TO/s', 'FROM/s', 'RING', 'STOP', 'STATE'],
  );
});

test('letters that take two columns: the others stay under each other, and no row is wider than the terminal', () => {
  const wide = ['tap0', '東京の仮想機械一号機', '🦀🦀👩‍💻', 'é'].map(
    (device): QueueRate => ({ ...lossy, device, queue: 0 }),
  );
  for (const width of [20, 33, 80, 250]) {
    const rows = picture({}, width, 24, wide);
    assert.deepEqual(
      rows.filter((row) => stringWidth(row) > width),
      [],
    );
    const drops = rows.filter((row) => row.includes('1.00k')).map((row) => stringWidth(row.split('1.00k')[0] ?? ''));
    assert.deepEqual([drops.length, new Set(drops).size], [4, 1]);
  }
});

test('scrolling ends with the last queue', () => {
  const many = Array.from({ length: 50 }, (_, index): QueueRate => ({ ...lossy, device: `tap${index}`, queue: 0 }));
  assert.equal(devices(picture({ offset: 3 }, 80, 24, many))[0], 'tap3/0');
  assert.equal(devices(picture({ offset: 1000 }, 80, 24, many)).at(-1), 'tap49/0');
});

test('colours say the same, and names cannot write to the terminal', () => {
  const evil = [
    {
      ...lossy,
      device: '\u001b[2J\u202e',
      owner: { pid: 1, comm: '\u0007', startedAt: undefined, identity: undefined },
    },
  ];
  const plain = picture({}, 200, 24, evil);
  assert.equal(/[\p{Cc}\p{Cf}]/u.test(plain.join('')), false);
  const coloured = picture({}, 200, 24, evil, true);
  assert.notDeepEqual(coloured, plain);
  assert.deepEqual(coloured.map(stripVTControlCharacters), plain);
});
