// SPDX-License-Identifier: Apache-2.0
// The agent, or the reader of a tap, stands still.
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { type FaultHost, servingOf } from '../fault-host.ts';

const STALL_MS = 2000;

async function stall(host: FaultHost, pid = host.agent.pid): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await wait(STALL_MS);
  process.kill(pid, 'SIGCONT');
}

export const STALLS: readonly Fault[] = [
  {
    name: 'SIGSTOP for 2 s, idle',
    play: async (host) => {
      await stall(host);
      host.over();
    },
  },
  {
    name: 'SIGSTOP for 2 s, under load',
    play: async (host) => {
      await host.loaded.load();
      await stall(host);
      host.over();
    },
  },
  {
    name: 'SIGSTOP for 2 s, in a scrape',
    play: async (host) => {
      const stalled = async (): Promise<void> => {
        await wait(Math.random() * 20);
        await stall(host);
        host.over();
      };
      await Promise.all([host.page(), stalled()]);
    },
  },
  {
    name: 'SIGSTOP of the process that serves for 2 s, under load',
    play: async (host) => {
      await host.loaded.load();
      await stall(host, servingOf(host));
      host.over();
    },
  },
  {
    name: 'SIGSTOP, then SIGKILL of the process that serves, under load',
    says: /ended \(signal SIGKILL\) and is started again/,
    isFresh: true,
    play: async (host) => {
      await host.loaded.load();
      const serving = servingOf(host);
      await stall(host, serving);
      process.kill(serving, 'SIGSTOP');
      host.over();
      process.kill(serving, 'SIGKILL');
    },
  },
  {
    name: 'SIGKILL of the process that counts while the other stands still',
    play: async (host) => {
      await host.loaded.load();
      process.kill(servingOf(host), 'SIGSTOP');
      host.over();
      await host.stop('SIGKILL');
    },
  },
];
