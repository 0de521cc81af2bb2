// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// A CPU goes and comes back while packets pass: rows are of each CPU, and none of their packets is lost or counted twice.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';
import { isWhole } from '../whole.ts';

const TURNS = isWhole ? 20 : 3;
const CPU = '/sys/devices/system/cpu/cpu1/online';

test(`a CPU goes and comes back ${TURNS} times under load`, async (t) => {
  const agent = await startAgent(t, ['--budget=off']);
  const lab = await namespaceLab(t);
  const [sender, reader] = [await lab.testReader(), await lab.testReader()];
  await reader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', 100);
  await sender.running('tap0');
  t.after(() => writeFileSync(CPU, '1'));
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  let [sent, read] = [0, 0];
  for (let turn = 0; turn < TURNS; turn++) {
    await reader.readLoop('a', 0);
    await sender.stream('s', 'tap0', 2000, 60);
    for (const online of ['0', '1']) {
      await wait(200);
      writeFileSync(CPU, online);
    }
    sent += (await sender.unstream('s')).sent;
    read += (await reader.stop('a')).packets + (await reader.read('a', 'all')).packets;
    const shown = async (): Promise<readonly (number | undefined)[]> => {
      const metrics = await agent.metrics();
      return ['offered', 'delivered'].map((what) => metrics.value(`tapscope_queue_${what}_packets_total`, queue));
    };
    await until(async () => (await shown())[0] === sent);
    assert.deepEqual(await shown(), [sent, read], `turn ${turn}`);
    assert.equal((await agent.metrics()).value('tapscope_queue_degraded', queue), 0);
  }
});
