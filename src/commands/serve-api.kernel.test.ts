// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// /api/v1 of the agent as built, over TCP and over its socket, on a real tap whose ring overflows.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

function ask(where: { readonly socketPath: string } | { readonly port: number }, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', ...where, path, agent: false }, (answer) =>
      text(answer).then(
        (body) => (answer.statusCode === 200 ? resolve(parseJson(body)) : reject(new Error(body))),
        reject,
      ),
    ).once('error', reject);
  });
}

test('a ring that overflows is found within ten seconds, told both ways, and is still known later', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const agent = await startAgent(t);
  const ways = [{ port: Number(agent.url.split(':').at(-1)) }, { socketPath: agent.socket }];
  assert.equal(statSync(agent.socket).mode & 0o777, 0o600);

  const began = performance.now();
  let rules: readonly unknown[] = [];
  while (rules.length === 0 && performance.now() - began < 20_000) {
    await testReader.udp(peer, 9, 50, 64);
    await wait(500);
    const findings = await ask({ socketPath: agent.socket }, '/api/v1/findings').catch(() => ({ findings: [] }));
    rules = listAt(findings, 'findings')
      .filter((finding) => at(finding, 'device') === 'tap0' && at(finding, 'severity') !== 'info')
      .map((finding) => at(finding, 'rule'));
  }
  t.diagnostic(`${rules.join(', ')} after ${((performance.now() - began) / 1000).toFixed(1)} s of loss`);
  assert.ok(rules.length > 0);

  for (const way of ways) {
    const [ours] = listAt(await ask(way, '/api/v1/queues'), 'queues').filter((queue) => at(queue, 'device') === 'tap0');
    assert.deepEqual([at(ours, 'netns'), at(ours, 'queue'), at(ours, 'ring', 'capacity')], [lab.inode, 0, 10]);
    const series = await ask(way, `/api/v1/queues/${lab.inode}/tap0/0/history`);
    const [times, dropped] = [listAt(series, 'takenAt'), listAt(series, 'dropped')];
    assert.ok(times.length >= 1 && dropped.length === times.length);
    assert.ok(dropped.some((rate) => typeof rate === 'number' && rate > 0));
    const then = Number(at(await ask(way, '/api/v1'), 'history', 'to'));
    const past = await ask(way, `/api/v1/findings?at=${then}`);
    assert.ok(listAt(past, 'findings').some((finding) => rules.includes(at(finding, 'rule'))));
    const window = await ask(way, `/api/v1/window?at=${then}&seconds=3`);
    assert.ok(listAt(window, 'snapshots').length >= 3);
    const fresh = await ask(way, '/api/v1/snapshot');
    assert.ok(listAt(fresh, 'snapshot', 'devices').some((device) => at(device, 'name') === 'tap0'));
    const seen = JSON.stringify([window, fresh]);
    assert.ok(!seen.includes(peer), 'no address of a packet');
  }
  await lab.ip('link set dev tap0 txqueuelen 20');
  const changes = async () =>
    listAt(await ask({ socketPath: agent.socket }, `/api/v1/queues/${lab.inode}/tap0/0/history`), 'changes');
  await until(async () => (await changes()).some((change) => at(change, 'text') === 'txqueuelen 20, was 10'));
  const { code, stderr } = await agent.stop();
  assert.deepEqual([code, stderr], [0, '']);
  assert.throws(() => statSync(agent.socket), /ENOENT/);
});
