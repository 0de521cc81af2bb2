// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, prometheus.
// The rules of a fleet record what the agents show, to the packet; `tapscope fleet` names a host that has gone.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { assertValid } from '../../test/host/valid-json.ts';
import { startPrometheus } from './prometheus.ts';

const RULES = 'deploy/fleet/tapscope-fleet.yml';
const WITHIN_MS = 60_000;
const QEMU = ['/usr/bin/qemu-system-x86_64', '-name', 'guest=web1'];

test('one agent, a tap that loses packets, and a host that does not answer any more', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader(...QEMU);
  await testReader.open('guest', 'vnet0', 'tap');
  const peer = await lab.raise('vnet0', 100);
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-rules-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const map = join(folder, 'tenants');
  writeFileSync(map, 'vm web1 acme\n');
  const agent = await startAgent(t, ['--tenant-map', map]);
  const fast = join(folder, 'fleet.yml');
  writeFileSync(fast, readFileSync(RULES, 'utf8').replaceAll('interval: 60s', 'interval: 1s'));
  const prometheus = await startPrometheus(t, [new URL(agent.url).host], [fast]);
  await testReader.udp(peer, 9, 400, 64);

  const labels = { netns: String(lab.inode), device: 'vnet0' };
  const page = await agent.metrics();
  const sum = (name: string): number =>
    Object.values(page.by('queue', `tapscope_queue_${name}_packets_total`, labels)).reduce((a, b) => a + b, 0);
  const recorded = async (record: string): Promise<number | undefined> => {
    const found = await prometheus.query(`${record}{netns="${lab.inode}",device="vnet0"}`);
    return found[0]?.points[0]?.[1];
  };
  const deadline = performance.now() + WITHIN_MS;
  while ((await recorded('tap:tapscope_offered_packets:sum')) !== sum('offered') && performance.now() < deadline)
    await wait(500);
  assert.ok(sum('offered') >= 400);
  assert.deepEqual(
    [await recorded('tap:tapscope_offered_packets:sum'), await recorded('tap:tapscope_ring_lost_packets:sum')],
    [sum('offered'), sum('dropped')],
  );
  const { stdout } = await tapscope(['fleet', '--url', prometheus.url, '--since', '5m', '--json']);
  const seen = parseJson(stdout);
  assertValid('fleet', seen);
  const tap = listAt(seen, 'taps').find((one) => at(one, 'netns') === labels.netns);
  const properties = at(tap, 'properties');
  assert.deepEqual([at(properties, 'ring size'), at(properties, 'kind')], ['100', 'tap']);
  assert.deepEqual([at(tap, 'inexact'), at(seen, 'silent')], [false, []]);
  assert.equal(at(properties, 'tenant'), 'acme');
  assert.equal(
    listAt(seen, 'tenants').filter((one) => at(one, 'tenant') === 'acme' && at(one, 'taps') === 1).length,
    1,
  );

  writeFileSync(map, 'vm web1 other\n');
  const isTheirs = async (): Promise<boolean> => {
    const { text } = await agent.metrics();
    return text.split('\n').some((line) => /owner_info.*device="vnet0".*tenant="other"/.test(line));
  };
  while (!(await isTheirs()) && performance.now() < deadline + WITHIN_MS) await wait(500);
  assert.ok(await isTheirs(), 'the map was read again');

  await agent.stop();
  const isSilent = async (): Promise<boolean> => {
    const answer = await tapscope(['fleet', '--url', prometheus.url, '--since', '5m', '--json']);
    return listAt(parseJson(answer.stdout), 'silent').length === 1;
  };
  while (!(await isSilent()) && performance.now() < deadline + WITHIN_MS) await wait(500);
  const { stdout: text } = await tapscope(['fleet', '--url', prometheus.url, '--since', '5m']);
  assert.match(text, /Not seen: 1 host answered in this time and/);
});
