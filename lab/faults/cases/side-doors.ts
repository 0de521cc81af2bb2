// SPDX-License-Identifier: Apache-2.0
// What is not the agent's own work and must not stop it: its log, files that never end, a debugger, a collector, another user of the host.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { sumOf } from '../../../src/engine/queue-sums.ts';
import { AGENT_LOCK } from '../../../src/kernel/agent-lock.ts';
import { hostileTenant } from '../../../test/agent/hostile-tenant.ts';
import { at, listAt, namesOf, numberAt } from '../../../test/host/checked-json.ts';
import { scoped } from '../../../test/host/scope.ts';
import { grouped } from '../../report/report.ts';
import type { Fault } from '../fault.ts';
import { type FaultHost, SOCKET, servingOf, soon, whileDoing } from '../fault-host.ts';

/** Files are looked at each second, the tenant map every ten. */
const SEEN_MS = 1300;
const TENANTS_SEEN_MS = 11_500;
const DEBUGGER_PORT = 9229;
/** In the faults' own network namespace. */
const COLLECTOR_PORT = 4318;
/** Of another user, a round: SECONDS=900 for a quarter of an hour. */
const NEIGHBOUR_S = Number(process.env.SECONDS ?? 20);
/** Prometheus' own usual limit. */
const ANSWERED_WITHIN_MS = 10_000;

/** Makes the agent write: its other process ends. */
async function makeItWrite(host: FaultHost): Promise<void> {
  const before = servingOf(host);
  process.kill(before, 'SIGKILL');
  await soon('another process serves', () => ![before, undefined].includes(host.agent.servingPid()));
}

/** `make`: what stands at this path instead of the file. */
function becomes(what: string, make: (path: string) => unknown): readonly Fault[] {
  const replace = (path: string): void => {
    rmSync(path, { force: true });
    make(path);
  };
  return [
    {
      name: `the web config becomes ${what}`,
      says: /web\.yml/,
      play: async (host) => {
        await host.loaded.load();
        replace(host.webConfig);
        await wait(SEEN_MS);
        await host.page();
        rmSync(host.webConfig);
        host.writeWebConfig();
        host.over();
      },
    },
    {
      name: `the tenant map becomes ${what}`,
      says: /tenants/,
      start: (host) => {
        writeFileSync(join(host.folder, 'tenants'), 'unit a b\n');
        return { args: ['--budget=off', `--tenant-map=${join(host.folder, 'tenants')}`] };
      },
      play: async (host) => {
        await host.loaded.load();
        replace(join(host.folder, 'tenants'));
        await wait(SEEN_MS);
        await host.page();
        host.over();
      },
      after: () => wait(TENANTS_SEEN_MS),
    },
  ];
}

/** undefined: somebody listens. */
async function refusalOf(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) =>
    socket.once('connect', () => resolve(undefined)).once('error', (error) => resolve(error.message)),
  );
}

/** Each answer comes in time. */
async function answers(host: FaultHost, times: number[]): Promise<void> {
  const began = performance.now();
  await host.page();
  const ms = performance.now() - began;
  times.push(ms);
  assert.ok(ms < ANSWERED_WITHIN_MS, `an answer after ${Math.round(ms)} ms`);
  await wait(200);
}

export const SIDE_DOORS: readonly Fault[] = [
  {
    name: 'the disk of the log is full, under load',
    isFresh: true,
    start: () => ({ wrapper: ['sh', '-c', 'exec "$@" 2>/dev/full', 'sh'] }),
    play: async (host) => {
      await host.loaded.load();
      await makeItWrite(host);
      host.over();
    },
  },
  ...becomes('a FIFO that nobody writes, under load', (path) => execFileSync('mkfifo', [path])),
  ...becomes('a link to /dev/zero, under load', (path) => symlinkSync('/dev/zero', path)),
  {
    name: 'SIGUSR1 of both processes, under load',
    play: async (host) => {
      await host.loaded.load();
      const before = [host.agent.pid, servingOf(host)];
      for (const pid of before) process.kill(pid, 'SIGUSR1');
      await wait(500);
      host.over();
      assert.match((await refusalOf(DEBUGGER_PORT)) ?? 'a debugger listens', /ECONNREFUSED/);
      assert.deepEqual([host.agent.pid, servingOf(host)], before);
    },
  },
  {
    name: 'the collector of --otlp takes connections and reads nothing, then is gone, under load',
    start: () => ({ args: ['--budget=off', `--otlp=http://127.0.0.1:${COLLECTOR_PORT}`, '--otlp-interval=1s'] }),
    says: /collector/,
    play: async (host) => {
      await host.loaded.load();
      const taken = new Set<Socket>();
      const collector = createServer({ pauseOnConnect: true }, (socket) => {
        taken.add(socket.on('error', () => undefined));
      });
      await once(collector.listen(COLLECTOR_PORT, '127.0.0.1'), 'listening');
      await soon('the agent exports', () => taken.size > 0);
      await wait(SEEN_MS);
      for (const socket of taken) socket.destroy();
      await new Promise((resolve) => collector.close(resolve));
      host.over();
    },
  },
  {
    name: 'another user of the host (uid 65534) tries all he can, under load',
    play: (host) =>
      scoped(async (t) => {
        await host.loaded.load();
        const agents = host.agent.processes();
        const port = Number(new URL(host.agent.url).port);
        const aims = { port, ms: 1000 * NEIGHBOUR_S, socket: SOCKET, lock: AGENT_LOCK, agents };
        const trying = hostileTenant(t, aims);
        const times: number[] = [];
        await whileDoing(trying, () => answers(host, times));
        const got = await trying;
        host.over();
        const [attempts, devices] = ['attempts', 'devices'].map((key) => grouped(numberAt(got, key)));
        const requests = grouped(
          sumOf(namesOf(Object(at(got, 'statuses'))).map((status) => numberAt(got, 'statuses', status))),
        );
        host.notes.push(
          `${attempts} attempts, ${devices} devices, ${requests} requests answered; ${grouped(times.length)} scrapes meanwhile, the slowest in ${Math.round(Math.max(...times))} ms`,
        );
        assert.deepEqual(listAt(got, 'letIn'), []);
        assert.equal(at(got, 'late'), 0);
        assert.ok(numberAt(got, 'devices') > 0, String(at(got, 'deviceError')));
        assert.deepEqual(host.agent.processes(), agents);
        assert.match((await refusalOf(DEBUGGER_PORT)) ?? 'a debugger listens', /ECONNREFUSED/);
      }),
  },
];
