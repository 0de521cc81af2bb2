// SPDX-License-Identifier: Apache-2.0
// A real Alertmanager with the shipped routing, and a receiver that keeps every notification.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { freePort } from '../../test/host/free-port.ts';

export const CONFIG = 'deploy/alertmanager/alertmanager.yml';

type Words = Readonly<Record<string, string>>;

export interface Notification {
  readonly receiver: string;
  readonly alerts: readonly { readonly labels: Words; readonly annotations: Words }[];
}

export interface Alertmanager {
  /** host:port */
  readonly address: string;
  readonly got: Notification[];
}

/** Waits of the shipped configuration, in seconds, shortened so that a test does not take minutes. */
interface Waits {
  readonly group: number;
  readonly interval: number;
}

export async function startAlertmanager(t: TestContext, waits: Waits): Promise<Alertmanager> {
  const got: Notification[] = [];
  const receiver = createServer(async (request, reply) => {
    const body = parseJson(JSON.stringify(await json(request)));
    const alerts = listAt(body, 'alerts').map((alert) => ({
      labels: wordsAt(alert, 'labels'),
      annotations: wordsAt(alert, 'annotations'),
    }));
    got.push({ receiver: textAt(body, 'receiver'), alerts });
    reply.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const own: string | AddressInfo | null = receiver.address();
  assert.ok(typeof own === 'object' && own !== null);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-alertmanager-'));
  const config = readFileSync(CONFIG, 'utf8')
    .replaceAll('127.0.0.1:9095', `127.0.0.1:${own.port}`)
    .replace('group_wait: 30s', `group_wait: ${waits.group}s`)
    .replace('group_interval: 5m', `group_interval: ${waits.interval}s`);
  writeFileSync(join(folder, 'alertmanager.yml'), config);
  const address = `127.0.0.1:${await freePort()}`;
  const program = spawn(
    'prometheus-alertmanager',
    [
      `--config.file=${folder}/alertmanager.yml`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  );
  const gone = new Promise((done) => program.once('close', done));
  t.after(async () => {
    program.kill('SIGKILL');
    await gone; // until then it writes into the folder
    receiver.close();
    receiver.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  while (!(await fetch(`http://${address}/-/ready`).catch(() => undefined))?.ok) await wait(200);
  return { address, got };
}

function wordsAt(alert: unknown, key: string): Words {
  return Object.fromEntries(Object.entries(at(alert, key) ?? {}).map(([name, value]) => [name, String(value)]));
}
