// SPDX-License-Identifier: Apache-2.0
// Needs: Node.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { StructField } from '../kernel/native.ts';
import { Symbols } from '../kernel/symbols.ts';
import { PROBED } from '../subjects/list.ts';
import { instructionConstants, SEEN } from './probe-symbols.ts';

const OWN_TEXT = 0x6f776e74;
const UNCOUNTED = 0x756e636f;
const TUN_OPS = 0x74756e6f;
const TAP_OPS = 0x7461706f;
const UNKNOWN_OPS = 0x756e6b6f;
const ENDS_UNSEEN = 0x656e6473;
const BY_QUEUE = 0x71756575;
const UNTYPED = 0x756e7479;
const PRIVATE = 0x70726976;
const SIZES = [0x6d61736b, 0x63656c6c, 0x7461626c];

const MODULE = [
  'ffffffff82306810 T _etext',
  'ffffffffc02d3a00 r tun_netdev_ops\t[tun]',
  'ffffffffc02d3700 r tap_netdev_ops\t[tun]',
  'ffffffffc044e2c0 t tun_net_xmit\t[tun]',
  'ffffffff81b00000 T __dev_queue_xmit',
];

function constants(t: TestContext, lines: readonly string[], before = true, endsSeen = true, byQueue = false) {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-constants-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'kallsyms'), lines.map((line) => `${line}\n`).join(''));
  const symbols = Symbols.ofKernel(PROBED.symbols, join(folder, 'kallsyms'));
  const pool = { rows: 4096, cells: 16_384, tableOffset: 1 << 20 };
  return instructionConstants({ symbols, btf: undefined }, pool, { before, endsSeen, typedReads: true, byQueue });
}

test('masks of the rows and of the cells, and where the table begins', (t) => {
  const found = constants(t, MODULE);
  assert.deepEqual(
    SIZES.map((place) => found.get(place)),
    [4095, 16_383, 1 << 20],
  );
});

test('own functions lie above the kernel where they are modules', (t) => {
  assert.equal(constants(t, MODULE).get(OWN_TEXT), 0x82306810 - 2 ** 32);
});

test('own functions that the kernel has built in, each of their parts', (t) => {
  const builtIn = [...MODULE, 'ffffffff8123ad3a t tun_get_user.cold', 'ffffffff81daef80 t tun_get_user'];
  assert.equal(constants(t, builtIn).get(OWN_TEXT), 0x8123ad3a - 2 ** 32);
});

test('an address that no instruction has room for leaves the comparison out', (t) => {
  const arm64 = MODULE.map((line) => line.replace(/^ffffffff/, 'ffff8000'));
  const found = constants(t, arm64);
  assert.equal(found.get(OWN_TEXT), 0);
  assert.equal(found.get(UNKNOWN_OPS), -1);
});

test('a kernel that does not say where its text ends', (t) => {
  assert.equal(constants(t, MODULE.slice(1)).get(OWN_TEXT), 0);
});

test('operations of tun and tap, where both are known and tun stays where it is', (t) => {
  const known = constants(t, MODULE);
  assert.equal(known.get(TUN_OPS), 0xc02d3a00 - 2 ** 32);
  assert.equal(known.get(TAP_OPS), 0xc02d3700 - 2 ** 32);
  assert.equal(known.get(UNKNOWN_OPS), 0);
  assert.equal(constants(t, MODULE, true, false).get(UNKNOWN_OPS), -1, 'tun may be loaded again elsewhere');
  assert.equal(
    constants(
      t,
      MODULE.filter((line) => !line.includes('tap_')),
    ).get(UNKNOWN_OPS),
    -1,
  );
  const twice = [...MODULE, 'ffffffffc09d3700 r tap_netdev_ops\t[other]'];
  assert.equal(constants(t, twice).get(UNKNOWN_OPS), -1, 'two go by the name');
});

test('where losses before tun are not counted, every address is below', (t) => {
  assert.equal(constants(t, MODULE).get(UNCOUNTED), 0);
  assert.equal(constants(t, MODULE, false).get(UNCOUNTED), -1);
});

test('ends of devices that are not seen', (t) => {
  assert.equal(constants(t, MODULE).get(ENDS_UNSEEN), 0);
  assert.equal(constants(t, MODULE, true, false).get(ENDS_UNSEEN), -1);
});

test('where one packet may preempt another on its CPU, the queue of a drop tells its row', (t) => {
  assert.equal(constants(t, MODULE).get(BY_QUEUE), -1, 'entries_seen is never so');
  assert.equal(constants(t, MODULE, true, true, true).get(BY_QUEUE), SEEN.byQueue);
});

test('where a device has its private data, and whether its fields can be read by loads', () => {
  const priv: StructField = { name: 'priv', offset: 2816, size: 0, count: 0, kind: 'array', type: '' };
  const known = { before: true, endsSeen: true, typedReads: false, byQueue: false };
  const btf = { struct: () => ({ size: 4096, fields: [priv] }) };
  const pool = { rows: 4096, cells: 16_384, tableOffset: 1 << 20 };
  const found = instructionConstants({ symbols: undefined, btf }, pool, known);
  assert.equal(found.get(PRIVATE), 2816);
  assert.equal(found.get(UNTYPED), -1);
});
