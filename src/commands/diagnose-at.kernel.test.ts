// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope diagnose --at`: what the agent remembers, judged; and every way in which there is nothing to judge.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

test('a loss that is over is explained from memory', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const agent = await startAgent(t);
  await wait(2500);
  for (let i = 0; i < 12; i++) {
    await testReader.udp(peer, 9, 50, 64);
    await wait(500);
  }
  const then = new Date().toISOString();
  await testReader.close('0');
  await wait(2000);
  const args = ['diagnose', 'tap0', `--socket=${agent.socket}`, '--for=6s'];
  const past = await tapscope([...args, `--at=${then}`]);
  assert.match(past.stdout, /^(CRITICAL|WARNING): .*tap0/, past.stderr);
  assert.ok(past.code === 1 || past.code === 2);
  const json = parseJson((await tapscope([...args, '--json', `--at=${then}`])).stdout);
  assert.deepEqual([at(json, 'schema'), at(json, 'findings', 0, 'device')], [1, 'tap0']);

  for (const [time, words] of [
    ['03:99', /^tapscope: --at=03:99 is not a time; write for example/],
    ['23h ago', /^tapscope: There is no history of .*: it reaches from .* to .*\.$/],
  ] as const) {
    const { code, stdout, stderr } = await tapscope([...args, `--at=${time}`]);
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /^[^\n]+\n$/);
    assert.match(stderr.trimEnd(), words);
  }
  const wrapper = ['setpriv', '--reuid=65534', '--clear-groups'];
  const foreign = await tapscope([...args, `--at=${then}`], { wrapper });
  assert.deepEqual(
    [foreign.code, foreign.stderr],
    [3, `tapscope: Only root and the group of its --socket-group may ask the agent on ${agent.socket}: use sudo.\n`],
  );
  await agent.stop();
  const alone = await tapscope([...args, `--at=${then}`]);
  assert.equal(alone.code, 3);
  assert.match(alone.stderr, /^tapscope: No agent listens on [^\n]*--socket\.\n$/);
});

test('an agent of another version is named', { skip: noLab }, async (t) => {
  const path = join(tmpdir(), `tapscope-lab-${process.pid}.sock`);
  const other = createServer((_, answer) =>
    answer.end(JSON.stringify({ schema: 1, host: { version: '9.9.9' }, snapshots: [] })),
  );
  await new Promise<void>((resolve) => other.listen(path, resolve));
  t.after(() => other.close());
  const { code, stderr } = await tapscope(['diagnose', `--socket=${path}`, '--at=1m ago']);
  assert.equal(code, 3);
  assert.match(stderr, /^tapscope: The agent is tapscope 9\.9\.9, this is [\d.]+: restart the agent, [^\n]*\n$/);
});
