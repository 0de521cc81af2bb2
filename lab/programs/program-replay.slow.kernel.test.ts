// SPDX-License-Identifier: Apache-2.0
// Real programs that stop for a moment again and again: the ring that is advised then loses nothing of the same packets, and
// another what was predicted. `UPDATE=1 npm test -- program-replay` writes their table of docs/accuracy.md.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noLab } from '../host/netns.ts';
import { PASTA } from './containers/pasta.ts';
import { SLIRP } from './containers/slirp4netns.ts';
import { qemuOf } from './guests/qemu.ts';
import { missing } from './need.ts';
import { replayProgram } from './program-replay.ts';
import { type ReplayRow, replayTable } from './replay-table.ts';
import { OPENVPN } from './tunnels/openvpn.ts';

const PROGRAMS = [OPENVPN, PASTA, SLIRP, qemuOf(1)];
const rows: ReplayRow[] = [];

for (const program of PROGRAMS)
  test(`${program.name} that pauses: the advised ring, and half of it`, {
    skip: noLab || missing(program.needs) || (program.unavailable?.() ?? false),
  }, async (t) => {
    const row = await replayProgram(t, program);
    t.diagnostic(JSON.stringify(row));
    assert.equal(row.lostWithAdvised, 0);
    assert.ok(row.advised <= 2 * row.least, `${row.advised} advised, ${row.least} are enough`);
    rows.push(row);
  });

test('the page has these replays', { skip: noLab }, () => {
  assert.ok(
    process.env.UPDATE !== '1' || rows.length === PROGRAMS.length,
    'a table is written of all programs, or not at all',
  );
  replayTable('program', rows);
});
