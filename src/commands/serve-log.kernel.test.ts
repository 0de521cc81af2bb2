// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The log of the agent as built, of both its processes: a start, a process that is killed, a port that is taken, a stop.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type Agent, startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, parseJson, textAt } from '../../test/host/checked-json.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

/** A pair as Go's logfmt packages write and read it. */
const PAIR = String.raw`[\w.-]+=(?:"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-f]{4}))*"|[^\s"=]+)`;

async function life(t: TestContext, format: string): Promise<readonly string[]> {
  const agent = await startAgent(t, [`--log.format=${format}`]);
  const taken = await tapscope([
    'serve',
    `--log.format=${format}`,
    `--web.listen-address=${new URL(agent.url).host}`,
    `--socket=${agent.socket}.other`,
  ]);
  assert.equal(taken.code, 1);
  process.kill(agent.servingPid() ?? assert.fail('no process serves'), 'SIGKILL');
  await until(() => answersAgain(agent));
  const { stdout, stderr } = await agent.stop();
  assert.equal(stdout + taken.stdout, '', 'a log is on stderr');
  return (stderr + taken.stderr).trimEnd().split('\n');
}

async function answersAgain(agent: Agent): Promise<boolean> {
  return agent.metrics().then(
    (metrics) => metrics.value('tapscope_serving_restarts_total') === 1,
    () => false,
  );
}

test('each line of a start, a fault and a stop is JSON with time, level and msg', { skip: noLab }, async (t) => {
  const entries = (await life(t, 'json')).map(parseJson);
  for (const entry of entries) {
    assert.match(textAt(entry, 'time'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(textAt(entry, 'level'), /^(INFO|WARN|ERROR)$/);
    assert.match(textAt(entry, 'process'), /^(counting|serving)$/);
  }
  const said = entries.map((entry) => ['level', 'process', 'msg'].map((key) => at(entry, key)).join(' '));
  t.diagnostic(said.join('\n'));
  for (const expected of [
    /^INFO serving tapscope listens on http:/,
    /^INFO serving Measured: /,
    /^WARN counting The process that answers requests ended \(signal SIGKILL\)/,
    /^INFO counting SIGTERM: tapscope stops\.$/,
    /^ERROR counting Another tapscope agent runs on this host/,
  ])
    assert.ok(
      said.some((line) => expected.test(line)),
      String(expected),
    );
});

test('each line is logfmt', { skip: noLab }, async (t) => {
  const line = new RegExp(
    `^time=\\S+ level=(?:INFO|WARN|ERROR) process=\\w+ msg=(?:${PAIR.split('=').slice(1).join('=')})(?: ${PAIR})*$`,
  );
  for (const said of await life(t, 'logfmt')) assert.match(said, line);
});
