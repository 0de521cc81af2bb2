// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// An agent that comes while packets pass: the accounting begins in the midst of them, and exact from the first rest on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { agentLab, imbalances, totalsOf } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

const TAP = 'tap0';

for (const queues of [1, 2])
  test(`an agent that comes under load, queues: ${queues}`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    const ids = ['a', 'b'].slice(0, queues);
    for (const id of ids) await testReader.open(id, TAP, 'tap', ...(queues > 1 ? (['mq'] as const) : []));
    const peer = await lab.raise(TAP, 500);
    for (const id of ids) await testReader.readLoop(id, 0);
    const sender = await lab.testReader();
    const send = async (packets: number): Promise<number> => {
      let sent = 0;
      for (const queue of ids.keys()) sent += (await sender.udp(peer, 9, packets, 64, { queue })).sent;
      return sent;
    };
    let going = true;
    const work = (async () => {
      while (going) await send(200);
    })();
    const agent = await agentLab(t);
    for (let look = 0; look < 5; look++) {
      await wait(50);
      await agent.snapshot();
    }
    going = false;
    await work;
    // The newest packet of each CPU is known to have entered after a second.
    for (let look = 0; look < 3; look++) {
      await wait(1100);
      await agent.snapshot();
    }
    const [before, link] = [totalsOf(await agent.device(lab.inode, TAP)), await lab.link(TAP)];
    const sent = await send(60);
    await until(async () => (await lab.link(TAP)).txPackets === link.txPackets + sent);
    for (let look = 0; look < 6; look++) {
      const device = await agent.device(lab.inode, TAP);
      const now = totalsOf(device);
      assert.deepEqual([now.offered - before.offered, now.delivered - before.delivered], [sent, sent], `look ${look}`);
      assert.deepEqual([imbalances(device), device.degraded, device.unseen?.split], [[], [], undefined]);
    }
  });
