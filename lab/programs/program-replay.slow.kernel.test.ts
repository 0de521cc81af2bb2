// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, VMs, iperf3, iputils-ping, nftables, openssl, openvpn, socat.
// Real programs that pause: the advised ring loses nothing of the same packets, and half of it what was predicted.
// `UPDATE=1 npm test -- program-replay` writes the table of docs/accuracy.md.
import assert from 'node:assert/strict';
import test from 'node:test';
import { missing } from '../../test/host/need.ts';
import { noLab } from '../../test/host/netns.ts';
import { PASTA, SLIRP } from './containers/user-mode.ts';
import { qemuOf } from './guests/qemu.ts';
import { replayProgram } from './program-replay.ts';
import { type ReplayRow, replayTable } from './replay.ts';
import { OPENVPN } from './tunnels/openvpn.ts';

const rows: ReplayRow[] = [];

for (const program of [OPENVPN, PASTA, SLIRP, qemuOf(1)]) {
  const skip = noLab || missing(program.needs) || (program.unavailable?.() ?? false);
  test(`${program.name} that pauses: the advised ring, and half of it`, { skip }, async (t) => {
    const row = await replayProgram(t, program);
    rows.push(row);
    assert.equal(row.lostWithAdvised, 0);
    assert.ok(row.least <= row.advised);
  });
}

test('the page has these replays', { skip: noLab }, () => replayTable('program', rows));
