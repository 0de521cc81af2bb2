// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// A real QEMU with a real Linux guest behind the real vhost-net: emulated by a QEMU that is emulated, so slow, and by hand.
import assert from 'node:assert/strict';
import test from 'node:test';
import { missing } from '../../../test/host/need.ts';
import { loadVhost } from '../../../test/host/zerocopy-parameter.ts';
import { checksOf } from '../running.ts';
import { qemuOf } from './qemu.ts';

for (const queues of [1, 2, 4]) {
  const program = qemuOf(queues, 'on');
  test(`vhost-net, ${queues} queues: owner and every datagram`, { skip: missing(program.needs) }, async (t) => {
    await loadVhost(false);
    const { agent, stage, running, checks } = await checksOf(t, program, {
      datagrams: 300,
      perSecond: 50,
      seconds: 2,
      calmBits: 1e5,
    });
    // Its reader is a worker of the kernel, whose reads no thread of QEMU counts.
    const udp = (await checks.udp()).filter(({ check }) => check !== 'reader');
    const results = [await checks.owner(), ...udp];
    for (const { check, seen } of results) t.diagnostic(`${check}: ${seen}`);
    const { queues: seen } = await agent.device(stage.near.inode, running.device);
    assert.ok(
      seen.some(({ counters }) => (counters?.consumed?.vhost ?? 0) > 0),
      'vhost-net took packets',
    );
    assert.deepEqual(
      results.flatMap(({ wrong }) => wrong),
      [],
    );
  });
}
