// SPDX-License-Identifier: Apache-2.0
// What series cost a real Prometheus: written as remote write does, as fast as it takes them.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { clientOf } from '../../dashboards/test/prometheus.ts';
import { parseJson, textAt } from '../../test/host/checked-json.ts';
import { freePort } from '../../test/host/free-port.ts';
import { type Batch, batchOf, send, type WrittenSeries } from './remote-write.ts';

export interface Cost {
  readonly series: number;
  /** Resident bytes of the process: before the first sample, and with all. */
  readonly emptyBytes: number;
  readonly residentBytes: number;
  /** Bytes per sample on disk. */
  readonly bytesPerSample: number;
  /** Bytes per series in the index of a block. */
  readonly indexBytesPerSeries: number;
  /** The median time of each query. */
  readonly seconds: ReadonlyMap<string, number>;
}

const BATCH = 5000;
const ASKED = 5;
const START_WITHIN_MS = 60_000;

/** `turns` samples of each series, `everySeconds` apart, the last of them now. */
export async function costOf(
  series: readonly WrittenSeries[],
  turns: number,
  everySeconds: number,
  queries: readonly string[],
): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-sizes-'));
  await writeFile(join(folder, 'prometheus.yml'), '');
  const port = await freePort();
  const flags = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--web.enable-admin-api',
    '--log.level=warn',
  ];
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  const url = `http://127.0.0.1:${port}`;
  const resident = async (): Promise<number> => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  };
  try {
    await ready(url);
    const emptyBytes = await resident();
    const batches: readonly Batch[] = Array.from({ length: Math.ceil(series.length / BATCH) }, (_, index) =>
      batchOf(series.slice(index * BATCH, (index + 1) * BATCH)),
    );
    const end = Date.now();
    for (let turn = 0; turn < turns; turn += 1)
      for (const batch of batches)
        await send(`${url}/api/v1/write`, batch, turn, end - 1000 * everySeconds * (turns - 1 - turn));
    const residentBytes = await resident();
    const seconds = await clock(url, queries);
    return {
      series: series.length,
      emptyBytes,
      residentBytes,
      seconds,
      ...(await onDisk(url, folder, series.length, turns)),
    };
  } finally {
    child.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true, force: true });
  }
}

async function ready(url: string): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  while (performance.now() < deadline) {
    if ((await fetch(`${url}/-/ready`).catch(() => undefined))?.ok) return;
    await wait(50);
  }
  throw new Error('Prometheus did not become ready.');
}

async function clock(url: string, queries: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const seconds = new Map<string, number>();
  for (const query of queries) {
    const took: number[] = [];
    for (let count = 0; count < ASKED; count += 1) {
      const from = performance.now();
      await clientOf(url).query(query);
      took.push((performance.now() - from) / 1000);
    }
    seconds.set(query, took.sort((a, b) => a - b)[Math.floor(ASKED / 2)] ?? 0);
  }
  return seconds;
}

/** Sizes of the head when it is written as a block, as Prometheus does every two hours. */
async function onDisk(url: string, folder: string, series: number, turns: number) {
  const answer = await fetch(`${url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' });
  const snapshot = join(folder, 'data/snapshots', textAt(parseJson(await answer.text()), 'data', 'name'));
  let [chunks, index] = [0, 0];
  for (const name of await readdir(snapshot, { recursive: true })) {
    const { size } = await stat(join(snapshot, name));
    if (/\/chunks\/\d+$/.test(name)) chunks += size;
    else if (name.endsWith('/index')) index += size;
  }
  return { bytesPerSample: chunks / (series * turns), indexBytesPerSeries: index / series };
}
