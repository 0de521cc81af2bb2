// SPDX-License-Identifier: Apache-2.0
// The agent is killed or ended in each of its stages.
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { type FaultHost, SOCKET, servingOf, soon } from '../fault-host.ts';
import { bpfObjectsOf } from '../traces.ts';

type End = 'SIGKILL' | 'SIGTERM';

/** Brings the agent into a stage; `leave` undoes what a stage of the agent itself needs. */
interface Stage {
  readonly name: string;
  readonly enter: (host: FaultHost) => Promise<void>;
}

/** Asks for a page and does not read it. */
function askInVain(path: string, where: { port: number; host: string } | { path: string }): void {
  const socket = connect(where);
  socket.on('error', () => undefined).write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  socket.resume();
}

const webOf = ({ agent }: FaultHost): { port: number; host: string } => ({
  host: '127.0.0.1',
  port: Number(new URL(agent.url).port),
});

const STAGES: readonly Stage[] = [
  { name: 'idle', enter: async () => {} },
  { name: 'under load', enter: async (host) => loaded(host) },
  {
    name: 'in a scrape',
    enter: async (host) => {
      askInVain('/metrics', webOf(host));
      await wait(Math.random() * 20);
    },
  },
  {
    name: 'in an answer of the socket',
    enter: async () => {
      askInVain('/api/v1/snapshot', { path: SOCKET });
      await wait(Math.random() * 20);
    },
  },
];

async function loaded(host: FaultHost): Promise<void> {
  await host.loaded.load();
  await wait(100);
}

/** Stages of a start, each with the BPF objects that the agent has when it is that far. */
const STARTING: readonly { readonly name: string; readonly isThere: (objects: readonly string[]) => boolean }[] = [
  { name: 'while it loads BPF', isThere: (objects) => objects.length > 0 },
  { name: 'while it attaches', isThere: (objects) => objects.some((id) => id.startsWith('link')) },
];

function whileStarting(end: End, name: string, isThere: (objects: readonly string[]) => boolean, laterMs = 0): Fault {
  return {
    name: `${end} ${name}`,
    play: async (host) => {
      await host.stop();
      await host.loaded.load();
      const { child, end: ended } = host.begin();
      await soon('the agent is that far', () => child.exitCode !== null || isThere(bpfObjectsOf(child.pid ?? 0)));
      await wait(Math.random() * laterMs);
      child.kill(end);
      host.over();
      host.ended.push(await ended);
    },
  };
}

function inStage(end: End, { name, enter }: Stage): Fault {
  return {
    name: `${end} ${name}`,
    play: async (host) => {
      await enter(host);
      host.over();
      await host.stop(end);
    },
  };
}

/** The process that counts starts the one that serves again. */
function ofServing(stage: Stage): Fault {
  return {
    name: `SIGKILL of the process that serves, ${stage.name}`,
    isFresh: true,
    says: /ended \(signal SIGKILL\) and is started again(?: in \d+ s)?; its history begins anew/,
    play: async (host) => {
      await stage.enter(host);
      host.over();
      process.kill(servingOf(host), 'SIGKILL');
    },
  };
}

/** Any packet costs more than this budget. */
const SHEDDING: Fault = {
  name: 'SIGKILL while its level changes',
  start: () => ({ args: ['--budget=0.01%'] }),
  play: async (host) => {
    await host.loaded.load(20_000);
    await soon('the level is lean', async () => {
      return (await host.page()).value('tapscope_agent_level', { level: 'lean' }) === 1;
    });
    host.over();
    await host.stop('SIGKILL');
  },
};

const ENDS: readonly End[] = ['SIGKILL', 'SIGTERM'];

export const KILLS: readonly Fault[] = [
  ...ENDS.flatMap((end) => [
    ...STARTING.map(({ name, isThere }) => whileStarting(end, name, isThere)),
    whileStarting(end, 'in its first walk', STARTING[1]?.isThere ?? (() => true), 60),
    ...STAGES.map((stage) => inStage(end, stage)),
  ]),
  SHEDDING,
  ...STAGES.map(ofServing),
];
