// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The kernel gives the number of a network namespace that died to the next one: it gets that one's name at once.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, agentLab } from '../../test/agent/agent-lab.ts';
import { inNamespace, noLab } from '../../test/host/netns.ts';

/** A namespace gives its number back some time after its end, and other tests may get it. */
const TRIES = 50;

test('a namespace with the number of a dead one', { skip: noLab }, async (t) => {
  const agent = await agentLab(t);
  const seen = new Set<number>();
  for (let tries = 0; tries < TRIES; tries++) {
    const { inode, name, shown } = await nameOfNew(agent);
    assert.equal(shown, name);
    if (seen.has(inode)) return;
    seen.add(inode);
  }
  t.skip(`the kernel gave no number twice in ${TRIES} tries`);
});

/** What the agent calls a namespace in which a tap was made a moment ago. */
async function nameOfNew(
  agent: AgentLab,
): Promise<{ readonly inode: number; readonly name: string; readonly shown: string | undefined }> {
  return await inNamespace(async ({ inode, name, testReader }) => {
    const reader = await testReader();
    await reader.open('a', 'tap0', 'tap');
    await agent.snapshot();
    const { namespaceNames } = (await agent.snapshot()).agent;
    return { inode, name, shown: namespaceNames.get(inode) };
  });
}
