// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What stands for the features that older kernels lack, on this kernel: that it works, and that nothing relies on it unseen. Linux 5.10 itself is in lab/kernels.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { namespaceLab, noLab } from '../../../test/host/netns.ts';
import { attachProbes, type Probes } from '../../engine/attach.ts';
import { Generations } from '../../engine/generations.ts';
import { Walker } from '../../engine/walk.ts';
import { EVENTS, PROBED } from '../../subjects/list.ts';
import { readHost } from '../host.ts';
import { type KernelLimits, NO_LIMITS } from './limits.ts';

function attachWith(t: TestContext, limits: Partial<KernelLimits>): Probes {
  const host = { ...readHost(PROBED), limits: { ...NO_LIMITS, ...limits } };
  const probes = attachProbes(host, EVENTS, { forced: new Map(), pin: true });
  t.after(() => probes.close());
  return probes;
}

test('a raw tracepoint’s program walks as the syscall program does', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  for (const queue of ['a', 'b']) await reader.open(queue, 'tap0', 'tap', 'mq');
  const seen = [true, false].map((syscallPrograms) => {
    const probes = attachWith(t, { syscallPrograms });
    assert.ok(probes.programs, 'the kernel accepts the programs');
    const { devices, complete } = new Walker(probes.programs.object, new Generations()).walk();
    assert.equal(complete, true);
    const tap = devices.find(({ netns }) => netns === lab.inode);
    probes.close();
    return tap && { ...tap, queues: tap.queues.map(({ reader: _, ...queue }) => queue) };
  });
  assert.equal(seen[0]?.queues.length, 2);
  assert.deepEqual(seen[1], seen[0]);
});

test('no program runs without an atomic operation that it asks for', { skip: noLab }, (t) => {
  const probes = attachWith(t, { atomics: false });
  const refused = probes.states().find(({ event }) => event === 'devices');
  // This kernel has them, so that the verifier comes to where they were.
  assert.deepEqual([refused?.mechanism, probes.mechanism('transmit')], ['rtnetlink', undefined]);
  assert.match(refused?.reason ?? '', /^walk: load program \w+ of .*: Invalid argument/);
});
