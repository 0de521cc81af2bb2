// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `check`, `diagnose` and `doctor` beside an agent that is stopped, or does not answer: a verdict of their own, in time, that says so.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Agent, begin, startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, parseJson, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';

const run = promisify(execFile);

/** A machine at rest takes 0.4 s to look at the agent, 1 s until own probes count, and 1.7 s for their sample. */
const CHECK_WITHIN_MS = 5000;
/** Seconds that the agent is stopped before it is asked. */
const STOPPED_FOR = 3;
/** Enough for two snapshots where a start takes five seconds. */
const WATCHED_MS = 8000;

/** tap0 is read and nothing is wrong with it; the agent that saw it is stopped. */
async function stoppedAgent(t: TestContext): Promise<{ readonly agent: Agent; readonly scope: readonly string[] }> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', 500);
  await testReader.readLoop('a', 0);
  const agent = await startAgent(t);
  process.kill(agent.pid, 'SIGSTOP');
  await wait(1000 * STOPPED_FOR);
  return { agent, scope: ['tap0', '--netns', lab.name, `--socket=${agent.socket}`] };
}

/** Moves us and what we start to the CPU on which that process ran: only its clock tells when that was. */
async function runWhereItRan(t: TestContext, pid: number): Promise<void> {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const cpu = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36] ?? '0';
  const pin = (cpus: string) => run('taskset', ['-a', '-p', '-c', cpus, String(process.pid)]);
  t.after(() => pin(`0-${cpus().length - 1}`));
  await pin(cpu);
}

test('an agent stopped by a signal: check looks itself, says so first, and is not OK', { skip: noLab }, async (t) => {
  const { agent, scope } = await stoppedAgent(t);
  await runWhereItRan(t, agent.pid);
  const began = performance.now();
  const { code, stdout, stderr } = await tapscope(['check', ...scope]);
  const tookMs = performance.now() - began;
  assert.match(
    stdout.replaceAll('\n', ' '),
    new RegExp(
      `^UNKNOWN: .*the agent \\(pid ${agent.pid}\\) is stopped by a signal \\(state T\\), last ran at least \\d+ s ago: kill -CONT ${agent.pid}`,
    ),
  );
  assert.deepEqual([code, stderr], [3, '']);
  const limit = CHECK_WITHIN_MS * (await slowness());
  assert.ok(tookMs <= limit, `${tookMs.toFixed(0)} ms, of ${limit.toFixed(0)}`);
  t.diagnostic(`${tookMs.toFixed(0)} ms`);

  const report = parseJson((await tapscope(['check', ...scope, '--json'])).stdout);
  assert.equal(textAt(report, 'verdict'), 'unknown');
  assert.match(textAt(report, 'agentSilence'), /is stopped by a signal/);
  const idle = Number(/last ran at least (\d+) s ago/.exec(textAt(report, 'agentSilence'))?.[1]);
  // A hypervisor's share of the time is left out.
  const stopped = STOPPED_FOR + (performance.now() - began) / 1000;
  assert.ok(idle >= 1 && idle <= stopped, `${idle} s, of ${stopped.toFixed(1)} s`);
  assert.equal(at(report, 'agent'), null);
});

test('an agent stopped by a signal: diagnose watches with probes of its own', { skip: noLab }, async (t) => {
  const { agent, scope } = await stoppedAgent(t);
  const began = performance.now();
  const { code, stdout, stderr } = await tapscope(['diagnose', ...scope, '--for=2s']);
  const tookMs = performance.now() - began;
  assert.match(stdout.replaceAll('\n', ' '), new RegExp(`^UNKNOWN: .*the agent \\(pid ${agent.pid}\\) is stopped`));
  assert.deepEqual([code, stderr], [3, '']);
  const limit = (2000 + CHECK_WITHIN_MS) * (await slowness());
  assert.ok(tookMs <= limit, `${tookMs.toFixed(0)} ms, of ${limit.toFixed(0)}`);
});

test('an agent stopped while diagnose watches: what was seen until then is judged', { skip: noLab }, async (t) => {
  const { agent, scope } = await stoppedAgent(t);
  process.kill(agent.pid, 'SIGCONT');
  await agent.metrics();
  const watching = begin(['diagnose', ...scope, '--for=1h']);
  await wait(WATCHED_MS);
  process.kill(agent.pid, 'SIGSTOP');
  await wait(1500); // one question is under way
  watching.signal('SIGINT');
  const { code, stdout, stderr } = await watching.end;
  assert.match(stdout.replaceAll('\n', ' '), new RegExp(`the agent \\(pid ${agent.pid}\\) is stopped by a signal`));
  assert.deepEqual([code, stderr], [3, ''], 'no warning of listeners');
});

test('an agent stopped by a signal: doctor does not say that none runs', { skip: noLab }, async (t) => {
  const { agent } = await stoppedAgent(t);
  await runWhereItRan(t, agent.pid);
  const silence = `agent \\(pid ${agent.pid}\\) is stopped by a signal \\(state T\\), last ran at least \\d+ s ago: kill -CONT ${agent.pid}`;
  assert.match(
    (await tapscope(['doctor', `--socket=${agent.socket}`])).stdout,
    new RegExp(`^.*\\nKernel .*, \\d+ CPUs. The ${silence}\\.\\n`),
  );
  const report = parseJson((await tapscope(['doctor', '--json', `--socket=${agent.socket}`])).stdout);
  assert.match(textAt(report, 'agentSilence'), new RegExp(`^the ${silence}$`));
  assert.equal(at(report, 'agent'), null);

  process.kill(agent.pid, 'SIGCONT');
  assert.match(
    (await tapscope(['doctor', `--socket=${agent.socket}`])).stdout,
    new RegExp(`An agent runs, pid ${agent.pid}, `),
  );
});
