// SPDX-License-Identifier: Apache-2.0
// Real agents on one kernel, each in a network namespace of its own, for there is one agent in each; a tap in a namespace for each of them
// overflows, and all agents count all of these.
import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { finished, launch } from '../../test/agent/serve-process.ts';
import { namespaceLab } from '../../test/host/netns.ts';

const run = promisify(execFile);

/** Packets a burst, into a ring of 100 that is emptied after it. */
const BURST = 250;
const ROUNDS = 20;
const PORT = 10747;
const WITHIN_MS = 120_000;

interface LosingAgents {
  readonly instances: readonly string[];
  /** A matcher: all agents see the taps of other programs on this machine too. */
  readonly ours: string;
  play(): Promise<void>;
  /** What each agent's page says, summed over its queues. */
  sums(): Promise<readonly { readonly instance: string; readonly offered: number; readonly dropped: number }[]>;
}

interface Scope {
  after(undo: () => Promise<unknown>): void;
}

export async function agentsThatLose(t: Scope, number: number): Promise<LosingAgents> {
  const places = await Promise.all(
    Array.from({ length: number }, async () => {
      const lab = await namespaceLab(t);
      const testReader = await lab.testReader();
      await testReader.open('guest', 'vnet0', 'tap');
      return { netns: String(lab.inode), testReader, peer: await lab.raise('vnet0', 100) };
    }),
  );
  const ours = places.map(({ netns }) => netns).join('|');
  const instances: string[] = [];
  for (let index = 0; index < number; index++) instances.push(await startApart(t, index));
  return {
    instances,
    ours: `netns=~"${ours}"`,
    play: async () => {
      for (let round = 0; round < ROUNDS; round++)
        for (const { testReader, peer } of places) {
          await testReader.udp(peer, 9, BURST, 64);
          await testReader.read('guest', 'all');
        }
    },
    sums: () => Promise.all(instances.map((instance) => sumsOf(instance, ours))),
  };
}

async function sumsOf(instance: string, ours: string): Promise<{ instance: string; offered: number; dropped: number }> {
  const page = (await pageOf(instance)) ?? '';
  const sum = (name: string): number =>
    [
      ...page.matchAll(new RegExp(`^tapscope_queue_${name}_packets_total\\{netns="(?:${ours})".*\\} (\\d+)$`, 'gm')),
    ].reduce((total, [, value]) => total + Number(value), 0);
  return { instance, offered: sum('offered'), dropped: sum('dropped') };
}

async function pageOf(instance: string): Promise<string | undefined> {
  const answer = await fetch(`http://${instance}/metrics`).catch(() => undefined);
  return answer?.ok ? answer.text() : undefined;
}

/** host:port of an agent behind a veth. */
async function startApart(t: Scope, index: number): Promise<string> {
  const namespace = `prove${index}-${process.pid}`;
  const [here, there] = [`prove${index}h`, `prove${index}a`];
  const ip = (...words: readonly string[]): Promise<unknown> => run('ip', words);
  await ip('netns', 'add', namespace);
  t.after(() => ip('netns', 'del', namespace));
  await ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', namespace);
  await ip('addr', 'add', `10.231.${index}.1/30`, 'dev', here);
  await ip('link', 'set', here, 'up');
  await ip('-n', namespace, 'addr', 'add', `10.231.${index}.2/30`, 'dev', there);
  await ip('-n', namespace, 'link', 'set', there, 'up');
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  const instance = `10.231.${index}.2:${PORT}`;
  const own = 'mkdir -p /run/tapscope; mount -t tmpfs none /run/tapscope; exec "$@"';
  const wrapper = ['ip', 'netns', 'exec', namespace, 'sh', '-c', own, 'sh'];
  const agent = launch(['serve', `--web.listen-address=${instance}`, '--budget=off'], { wrapper });
  const end = finished(agent);
  t.after(async () => {
    agent.kill('SIGKILL');
    await end;
  });
  const deadline = performance.now() + WITHIN_MS;
  while (!(await pageOf(instance))?.includes('tapscope_probe_attached')) {
    if (agent.exitCode !== null) throw new Error(`The agent ended: ${(await end).stderr}`);
    if (performance.now() > deadline) throw new Error(`The agent at ${instance} does not answer.`);
    await wait(200);
  }
  return instance;
}
