// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Commands show what an agent sees, if there is one: without a single capability, probes of their own see nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

test('check, diagnose, top and record ask the agent that runs', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const agent = await startAgent(t);
  // Ends with the test reader.
  void (async () => {
    for (;;) {
      await testReader.udp(peer, 9, 100, 64);
      await wait(50);
    }
  })().catch(() => undefined);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-source-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await wait(2000);

  const wrapper = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
  const ask = (...args: readonly string[]): ReturnType<typeof tapscope> =>
    tapscope([...args, `--socket=${agent.socket}`], { wrapper });
  const diagnosed = await ask('diagnose', 'tap0', '--for=4s', '--json');
  const finding = at(parseJson(diagnosed.stdout), 'findings', 0);
  // All is lost, which is critical in a window of any length.
  assert.deepEqual([at(finding, 'rule'), at(finding, 'device'), diagnosed.code], ['reader-stalled', 'tap0', 2]);
  // The agent has 2 s to answer, and on a busy machine may take longer; without it, nothing can be seen here.
  let checked: unknown;
  await until(async () => {
    const { stdout } = await ask('check', 'tap0', '--json');
    checked = stdout === '' ? undefined : parseJson(stdout);
    return checked !== undefined && at(checked, 'agentSilence') === undefined;
  });
  assert.deepEqual([at(checked, 'findings', 0, 'rule'), listAt(checked, 'unjudged')], ['reader-stalled', []]);
  assert.ok(Number(at(checked, 'seconds')) > 5, 'of the seconds that the agent has watched');
  const [row] = listAt(parseJson((await ask('top', 'tap0', '-b', '-n1', '--json')).stdout), 'queues');
  assert.ok(Number(at(row, 'dropped')) > 0);
  const file = join(folder, 'recording');
  await ask('record', '-o', file, '--for=3s');
  const reported = parseJson((await tapscope(['report', file, '--device', 'tap0', '--json'])).stdout);
  assert.equal(at(reported, 'findings', 0, 'rule'), 'reader-stalled');

  const alone = await tapscope(['diagnose', 'tap0', '--for=2s', '--mechanism=before=off', `--socket=${agent.socket}`], {
    wrapper,
  });
  assert.equal(alone.code, 3, 'with --mechanism the probes are its own');
});
