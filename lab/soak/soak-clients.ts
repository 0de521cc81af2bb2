// SPDX-License-Identifier: Apache-2.0
// Clients that ask all the time: a Prometheus, a program at the unix socket, and a person who types commands.
import { get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { parseMetrics, tapscope } from '../../test/agent/serve-process.ts';
import { type FaultHost, SOCKET } from '../faults/fault-host.ts';
import type { SoakRecord } from './soak-record.ts';
import { sampleOf } from './soak-sample.ts';

const SCRAPE_EACH_MS = 2000;
/** The number of scrapes from one sample to the next. */
const SAMPLE_EACH = 5;
const SOCKET_EACH_MS = 5000;
const COMMAND_EACH_MS = 25_000;
const PATIENCE_MS = 10_000;
/** From this exit code on, a command with words on stderr failed. `check` ends with 3, silently, while it does not know. */
const FAILED = 3;
const COMMANDS: readonly (readonly string[])[] = [['check'], ['top', '-b', '-n', '1'], ['doctor'], ['check', '--json']];

interface Clients {
  readonly host: FaultHost;
  readonly record: SoakRecord;
  isOver(): boolean;
}

/** Asks until the run is over. */
export async function askAllTheTime(clients: Clients): Promise<void> {
  let scrapes = 0;
  let commands = 0;
  await Promise.all([
    again(clients, SCRAPE_EACH_MS, async () => {
      await asked(clients, 'scrape', async () => {
        const text = await answer(new URL(`${clients.host.agent.url}/metrics`));
        if (!text.includes('\ntapscope_rows_used ')) throw new Error('not a whole page');
        if (scrapes++ % SAMPLE_EACH > 0) return;
        const figures = sampleOf(clients.host, parseMetrics(text));
        if (figures) clients.record.add({ kind: 'sample', s: clients.record.now, figures });
      });
    }),
    again(clients, SOCKET_EACH_MS, () =>
      asked(clients, 'socket', async () => void (await answer({ socketPath: SOCKET, path: '/api/v1/snapshot' }))),
    ),
    again(clients, COMMAND_EACH_MS, async () => {
      const words = COMMANDS[commands++ % COMMANDS.length] ?? [];
      await asked(clients, `tapscope ${words.join(' ')}`, async () => {
        const { code, stderr } = await tapscope([...words, `--socket=${SOCKET}`]);
        if (code === null || (code >= FAILED && stderr !== ''))
          throw new Error(`ended with ${code}: ${stderr.slice(0, 200)}`);
      });
    }),
  ]);
}

async function again({ isOver }: Clients, eachMs: number, work: () => Promise<void>): Promise<void> {
  while (!isOver()) {
    await wait(eachMs);
    await work();
  }
}

async function asked({ record }: Clients, what: string, work: () => Promise<void>): Promise<void> {
  const began = record.now;
  const failure = await work().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  record.add({ kind: 'asked', began, s: record.now, what, failure });
}

/** Opens a new connection for each request. */
function answer(where: URL | { readonly socketPath: string; readonly path: string }): Promise<string> {
  const options = where instanceof URL ? { host: where.hostname, port: where.port, path: where.pathname } : where;
  return new Promise((resolve, reject) => {
    const request = get({ ...options, agent: false, timeout: PATIENCE_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.once('error', reject);
      response.once('end', () =>
        response.statusCode === 200
          ? resolve(text)
          : reject(new Error(`${response.statusCode}: ${text.slice(0, 200)}`)),
      );
    });
    request.once('timeout', () => request.destroy(new Error(`no answer in ${PATIENCE_MS} ms`)));
    request.once('error', reject);
  });
}
