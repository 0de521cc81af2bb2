// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The remedy for a used-up CPU limit, pasted as printed: it takes the limit of a real cgroup away, of v1 or v2 as this host has it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { limitedCgroup, noCgroup } from '../../../test/host/cgroup.ts';
import { namespaceLab, noLab } from '../../../test/host/netns.ts';
import { quietHost } from '../../../test/snapshots/quiet-host.ts';
import { cpuCgroup } from '../../kernel/cpu-cgroup.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';
import { judge } from '../judge.ts';

/** Runs the command of the first finding about a reader whose cgroup has no CPU time left. */
function pasted(pid: number, agent: Partial<AgentState>): { readonly command: string; readonly status: number | null } {
  const queue = { delivered: 5000, lost: 1000, occupancy: 1000, episodes: 0, full: { throttled: 0.9 } };
  const [finding] = judge(quietHost([{ pid, queues: [queue] }], agent)).findings;
  assert.equal(finding?.rule, 'reader-starved');
  const command = finding.remedies[0]?.command ?? assert.fail('nothing is there to be pasted');
  return { command, status: spawnSync('sh', ['-c', command]).status };
}

test('pasted, it takes the limit away; where there is none, it fails', {
  skip: noLab || noCgroup('cpu'),
}, async (t) => {
  const lab = await namespaceLab(t);
  const { pid } = await lab.testReader();
  const group = cpuCgroup() ?? assert.fail('no hierarchy');
  const other = group.version === 1 ? 2 : 1;
  const wrong = pasted(pid, { cpuCgroup: { version: other, root: '/sys/fs/cgroup' } });
  assert.notEqual(wrong.status, 0, 'a file that is not there is not made');
  limitedCgroup(lab, pid, 'cpu');
  const file = group.version === 1 ? 'cpu.cfs_quota_us' : 'cpu.max';
  const limit = (): string => readFileSync(`${group.root}/tapscope-lab-${pid}/${file}`, 'utf8').trim();
  assert.match(limit(), /^1000\b/);
  const { command, status } = pasted(pid, { cpuCgroup: group });
  t.diagnostic(command);
  assert.equal(status, 0);
  assert.match(limit(), /^(-1|max)\b/);
});
