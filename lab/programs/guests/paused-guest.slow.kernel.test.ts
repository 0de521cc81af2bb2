// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, VMs, iperf3, iputils-ping, nftables, socat.
// A real QEMU that takes nothing: because its guest's interface is down, or because the VM is paused. Both are told within ten
// seconds, and what is pasted first lets the paused one go on.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Finding } from '../../../src/diagnosis/finding.ts';
import { judge } from '../../../src/diagnosis/judge.ts';
import { type AttachedLab, agentLab } from '../../../test/agent/agent-lab.ts';
import { said, watch } from '../../../test/agent/on-call.ts';
import { missing } from '../../../test/host/need.ts';
import { noLab } from '../../../test/host/netns.ts';
import { run } from '../../../test/host/run.ts';
import { makeStage, type Stage } from '../places.ts';
import { qemuOf } from './qemu.ts';

const QEMU = qemuOf(2);
const SECONDS = 10;
const skip = noLab || missing(QEMU.needs) || (QEMU.unavailable?.() ?? false);

async function findings(agent: AttachedLab, { near }: Stage, seconds = SECONDS): Promise<readonly Finding[]> {
  const judged = judge(await watch({ agent }, seconds));
  return judged.findings.filter(({ netns, device }) => netns === near.inode && device === 'tap0');
}

test('a guest whose interface is down, and a VM that is paused', { skip }, async (t) => {
  const stage = await makeStage(t);
  const { near } = stage;
  const guest = await QEMU.start(stage);
  await near.ip('link set dev tap0 txqueuelen 100');
  const agent = await agentLab(t);
  const sender = await near.testReader();
  await sender.stream('s', 'tap0', 400, 64);

  await guest.remote('ip link set eth0 down');
  const [down] = await findings(agent, stage);
  t.diagnostic(JSON.stringify(down, null, 1));
  assert.equal(down?.rule, 'reader-stalled', down?.cause);
  assert.doesNotMatch(down.cause, /paused/);
  assert.match(down.evidence.join('\n'), /the VM runs: /);
  assert.deepEqual([down.remedies[0]?.by, down.remedies[0]?.command], ['guest', 'ip -br link; ip link set eth0 up']);
  await guest.remote(down.remedies[0]?.command ?? '');
  await agent.snapshot();

  await guest.monitor('stop');
  const [paused] = await findings(agent, stage);
  t.diagnostic(JSON.stringify(paused, null, 1));
  assert.equal(paused?.rule, 'reader-stalled', paused?.cause);
  assert.match(paused.cause, /the VM is paused: none of its \d+ \S+ threads ran for \d/);
  await run('sh', ['-c', paused.remedies[0]?.command ?? 'false']);
  await findings(agent, stage, 3); // what waited is taken
  const after = await findings(agent, stage, 5);
  assert.doesNotMatch(said(after).join('\n'), /reader-stalled/);
});
