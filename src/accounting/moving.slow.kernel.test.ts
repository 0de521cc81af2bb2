// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A device that moves to another network namespace is in no list meanwhile: what its queues counted stays theirs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type AgentLab, agentLab, sizeOf } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device } from '../snapshot/device.ts';
import type { Queue } from '../snapshot/queue.ts';

const MOVES = 100;
const RING = 10;
const SENT = 30;

interface Side {
  readonly lab: NamespaceLab;
  readonly sender: TestReader;
}

async function side(t: Parameters<typeof namespaceLab>[0]): Promise<Side> {
  const lab = await namespaceLab(t);
  return { lab, sender: await lab.testReader() };
}

/** What never falls: of the queue's rows, those that all CPUs share, and the device's own. */
function figuresOf({ queueChanges }: Device, { counters, history }: Queue): Readonly<Record<string, number>> {
  return {
    offered: counters?.offered ?? 0,
    delivered: counters?.delivered ?? 0,
    episodes: history?.overflow?.episodes ?? 0,
    bursts: sizeOf(history?.overflow?.bursts),
    arrivals: sizeOf(history?.arrivals),
    joined: queueChanges?.joined ?? 0,
  };
}

/** Watches the tap with this identity in any namespace. */
class Watch {
  readonly #agent: AgentLab;
  readonly #id: string;
  readonly #fallen = new Set<string>();
  #last: Readonly<Record<string, number>> = {};
  absences = 0;

  constructor(agent: AgentLab, id: string) {
    this.#agent = agent;
    this.#id = id;
  }

  async look(): Promise<Readonly<Record<string, number>>> {
    const { devices } = await this.#agent.snapshot();
    const device = devices.find(({ id }) => id === this.#id);
    const queue = device?.queues[0];
    if (!device) this.absences++;
    if (!device || !queue) return this.#last;
    const now = figuresOf(device, queue);
    for (const [name, value] of Object.entries(this.#last))
      if ((now[name] ?? 0) < value) this.#fallen.add(`${name}: ${value} to ${now[name]}`);
    this.#last = now;
    return now;
  }

  async during(work: Promise<unknown>): Promise<void> {
    let done = false;
    const end = work.finally(() => {
      done = true;
    });
    while (!done) {
      await this.look();
      await setImmediate();
    }
    await end;
  }

  assertNothingFell(): void {
    assert.deepEqual([...this.#fallen], []);
  }
}

async function fill({ lab, sender }: Side, reader: TestReader): Promise<void> {
  await lab.ip('link set tap0 up');
  await sender.packet('tap0', SENT, 60);
  await reader.read('a', 'all');
}

test(`a tap moves ${MOVES} times under walks that follow one another`, { skip: noLab }, async (t) => {
  const [here, there] = [await side(t), await side(t)];
  const agent = await agentLab(t);
  const reader = await here.lab.testReader();
  await reader.open('a', 'tap0', 'tap', 'mq');
  await here.lab.ip(`link set tap0 txqueuelen ${RING}`);
  await agent.snapshot();
  await reader.open('b', 'tap0', 'tap', 'mq'); // joins under watch
  await agent.snapshot();
  await reader.close('b');
  const watch = new Watch(agent, (await agent.device(here.lab.inode, 'tap0')).id);
  for (let moves = 0; moves < MOVES; moves++) {
    const [from, to] = moves % 2 === 0 ? [here, there] : [there, here];
    await watch.during(fill(from, reader));
    await watch.during(from.lab.ip(`link set tap0 netns ${to.lab.name}`));
  }
  const { offered, episodes = 0, bursts = 0 } = await watch.look();
  t.diagnostic(`${watch.absences} snapshots without the tap`);
  watch.assertNothingFell();
  assert.equal(offered, MOVES * SENT);
  // The last ends where the next packet finds the ring empty.
  assert.ok(episodes >= MOVES - 1 && bursts >= MOVES - 1, `${episodes} episodes, ${bursts} bursts`);
});
