// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Started by hand, an agent raises its own priority and its session's, and nobody else's; TAPSCOPE_PRIORITY=keep leaves both as they are.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';

const RAISED = -10;

/** The nice values of all threads of a process (proc_pid_stat(5), field 19). */
function nicesOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

/** The nice value of a process' session; undefined: this kernel groups nothing by session. */
function sessionNice(pid: number): number | undefined {
  const file = `/proc/${pid}/autogroup`;
  return existsSync(file) ? Number(readFileSync(file, 'utf8').trim().split(' ').at(-1)) : undefined;
}

/** An agent in a session of its own, in which another program was started before it. */
async function startBeside(t: TestContext, priority: string): Promise<{ agent: Agent; neighbour: number }> {
  const note = join(temporaryFolder(t), 'pid');
  const script = '(sleep 300 >/dev/null 2>&1 & echo $! >"$0"); exec "$@"';
  const wrapper = ['env', `TAPSCOPE_PRIORITY=${priority}`, 'setsid', 'sh', '-c', script, note];
  const agent = await startAgent(t, ['--budget=off'], { wrapper });
  const neighbour = Number(readFileSync(note, 'utf8'));
  t.after(() => process.kill(neighbour, 'SIGKILL'));
  return { agent, neighbour };
}

test('an agent raises its own priority and that of its session, no other’s, and gives the session’s back', {
  skip: noLab,
}, async (t) => {
  const { agent, neighbour } = await startBeside(t, '');
  for (const pid of agent.processes()) assert.ok(nicesOf(pid).includes(RAISED), `${pid}: ${nicesOf(pid)}`);
  assert.deepEqual(nicesOf(neighbour), [0]);
  const isGrouped = sessionNice(neighbour) !== undefined;
  if (isGrouped) assert.equal(sessionNice(neighbour), RAISED);
  assert.equal((await agent.stop()).code, 0);
  if (isGrouped) assert.equal(sessionNice(neighbour), 0);
});

test('with TAPSCOPE_PRIORITY=keep an agent changes no priority', { skip: noLab }, async (t) => {
  const { agent, neighbour } = await startBeside(t, 'keep');
  for (const pid of agent.processes()) {
    assert.deepEqual([...new Set(nicesOf(pid))], [0]);
    assert.ok([0, undefined].includes(sessionNice(pid)));
  }
  assert.ok([0, undefined].includes(sessionNice(neighbour)));
  assert.doesNotMatch((await agent.stop()).stderr, /runs before other programs/);
});
