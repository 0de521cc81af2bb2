// SPDX-License-Identifier: Apache-2.0
// A real Prometheus that scrapes nothing: it answers from blocks that promtool wrote.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../test/host/free-port.ts';
import { run } from '../../test/host/run.ts';

const START_WITHIN_MS = 60_000;

interface StoredPrometheus {
  readonly url: string;
  /** Evaluates recording rules over the past and answers with them from then on. `from`, `to`: seconds of Unix time. */
  record(rules: string, from: number, to: number): Promise<void>;
}

export async function startStored(
  t: { after(undo: () => Promise<unknown>): void },
  openMetrics: string,
): Promise<StoredPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-fleet-'));
  const data = join(folder, 'data');
  await writeFile(join(folder, 'page.txt'), openMetrics);
  await writeFile(join(folder, 'prometheus.yml'), '');
  await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', join(folder, 'page.txt'), data]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let stop = await start(folder, data, port);
  t.after(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    url,
    record: async (rules, from, to) => {
      const span = [`--start=${from}`, `--end=${to}`, '--eval-interval=60s', `--url=${url}`, `--output-dir=${data}`];
      await run('promtool', ['tsdb', 'create-blocks-from', 'rules', ...span, rules]);
      await stop();
      stop = await start(folder, data, port);
    },
  };
}

async function start(folder: string, data: string, port: number): Promise<() => Promise<void>> {
  const flags = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${data}`,
    '--storage.tsdb.retention.time=30d',
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const deadline = performance.now() + START_WITHIN_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined);
    if (answer?.ok) return stop;
    await wait(50);
  }
  await stop();
  throw new Error('Prometheus did not become ready.');
}
