// SPDX-License-Identifier: Apache-2.0
// Clients that break off, dawdle, crowd or talk nonsense, and files that become garbage under the agent.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { ask, type FaultHost } from '../fault-host.ts';

const REQUEST = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
const CLIENTS = 20;
/** A file is looked at each second. */
const SEEN_MS = 1300;
/** The map is looked at every ten. */
const TENANTS_SEEN_MS = 11_500;
const GARBAGE = '\0\xff{]: not a config\n'.repeat(50);

function open({ agent }: FaultHost, words: string): Socket {
  const socket = connect(Number(new URL(agent.url).port), '127.0.0.1');
  socket.on('error', () => undefined).write(words);
  return socket;
}

export const CLIENT_FAULTS: readonly Fault[] = [
  {
    name: 'scrapers break off in the midst of the page',
    play: async (host) => {
      for (let turn = 0; turn < CLIENTS; turn++) {
        const socket = open(host, REQUEST);
        await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
        socket.resetAndDestroy();
      }
      host.over();
    },
  },
  {
    name: 'scrapers read a byte at a time, others scrape',
    play: async (host) => {
      const slow = Array.from({ length: 5 }, () => open(host, REQUEST).pause());
      for (let turn = 0; turn < 5; turn++) {
        for (const socket of slow) socket.read(1);
        await host.page();
        await wait(100);
      }
      for (const socket of slow) socket.destroy();
      host.over();
    },
  },
  {
    name: `${CLIENTS} scrapers at once`,
    play: async (host) => {
      const pages = await Promise.all(Array.from({ length: CLIENTS }, () => ask(`${host.agent.url}/metrics`)));
      host.over();
      for (const page of pages) assert.match(page, /device="faultquiet"/);
    },
  },
  {
    name: 'clients send garbage',
    play: async (host) => {
      const sockets = Array.from({ length: CLIENTS }, () => open(host, GARBAGE).resume());
      await host.page();
      for (const socket of sockets) socket.destroy();
      host.over();
    },
  },
  {
    name: 'the web config becomes garbage',
    play: async (host) => {
      writeFileSync(host.webConfig, GARBAGE);
      await wait(SEEN_MS);
      await host.page();
      host.writeWebConfig();
      host.over();
    },
    says: /web\.yml/,
  },
  {
    name: 'the tenant map becomes garbage',
    start: (host) => {
      writeFileSync(join(host.folder, 'tenants'), 'unit a b\n');
      return { args: ['--budget=off', `--tenant-map=${join(host.folder, 'tenants')}`] };
    },
    play: async (host) => {
      writeFileSync(join(host.folder, 'tenants'), GARBAGE.repeat(1 + Math.random() * 10));
      await wait(SEEN_MS);
      await host.page();
      host.over();
    },
    after: () => wait(TENANTS_SEEN_MS),
    says: /tenants/,
  },
];
