// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A program detaches the queue that its traffic came by: what remains is told, not that all is well.
import test from 'node:test';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { assertTold, CLEAN } from '../../test/agent/asked-tap.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

for (const [name, { detached, isRead }, told] of [
  ['the one that is read', { detached: ['b'], isRead: false }, /^critical: reader-stalled/],
  ['both', { detached: ['a', 'b'], isRead: false }, /^(warning|critical): no-reader .*detached all 2 queues/],
  ['one of two that are read', { detached: ['b'], isRead: true }, CLEAN],
] as const)
  test(`detached: ${name}`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const reader = await lab.testReader();
    for (const queue of ['a', 'b']) await reader.open(queue, 'tap0', 'tap', 'mq');
    await lab.raise('tap0', 500);
    for (const queue of isRead ? ['a', 'b'] : ['b']) await reader.readLoop(queue, 0);
    const agent = await agentLab(t);
    await (await lab.testReader()).stream('s', 'tap0', 1000, 200);
    await reader.stop('b');
    for (const queue of detached) await reader.detach(queue);
    await assertTold({ lab, reader, agent }, told);
  });
