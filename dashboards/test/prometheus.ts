// SPDX-License-Identifier: Apache-2.0
// A real Prometheus for a test: scrapes every second, on loopback, with its data in a folder that goes with it.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { freePort } from '../../test/host/free-port.ts';

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** [seconds, value]; an instant query has one. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Prometheus {
  readonly url: string;
  /** The values at `time`, in seconds since 1970; without it, now. */
  query(expr: string, time?: number): Promise<readonly Series[]>;
  range(expr: string, from: number, to: number): Promise<readonly Series[]>;
  /** `data` of an answer of its HTTP API. */
  ask(path: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>;
}

/** Series that end in a recording have no marker of it: values with times of their own get none. */
const LOOKBACK = '8s';
const START_WITHIN_MS = 60_000;

/** An agent at host:port whose series have this label instance. */
interface Target {
  readonly address: string;
  readonly instance: string;
}

/** A version of Prometheus, and what it is started with beyond the usual. */
export interface Program {
  readonly file: string;
  readonly flags: readonly string[];
}

/**
 * Scrapes `targets` as the job tapscope, and evaluates the rules in these files. A target without a name is called by its
 * address. `more` is further configuration.
 */
export async function startPrometheus(
  t: { after(undo: () => Promise<unknown>): void },
  targets: readonly (string | Target)[],
  rules: readonly string[],
  more: Readonly<Record<string, object>> = {},
  program: Program = { file: 'prometheus', flags: [] },
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-prometheus-'));
  const config = {
    ...more,
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s', ...more.global },
    rule_files: rules.map((file) => resolve(file)),
    scrape_configs: [{ job_name: 'tapscope', static_configs: targets.map(staticConfig) }],
  };
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const flags = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    `--query.lookback-delta=${LOOKBACK}`,
    '--log.level=warn',
    ...program.flags,
  ];
  const child = spawn(program.file, flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await ready(url, () => child.exitCode === null);
  return clientOf(url);
}

function staticConfig(target: string | Target): object {
  return typeof target === 'string'
    ? { targets: [target] }
    : { targets: [target.address], labels: { instance: target.instance } };
}

async function ready(url: string, alive: () => boolean): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  while (alive() && performance.now() < deadline) {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await wait(50);
  }
  throw new Error(`Prometheus at ${url} did not become ready.`);
}

/** A client for a Prometheus, Thanos or VictoriaMetrics that runs. */
export function clientOf(url: string): Prometheus {
  const ask: Prometheus['ask'] = async (path, parameters = {}) => {
    const answer = parseJson(await (await fetch(`${url}${path}?${new URLSearchParams(parameters)}`)).text());
    if (at(answer, 'status') !== 'success') throw new Error(`Prometheus: ${textAt(answer, 'error')}`);
    return at(answer, 'data');
  };
  return {
    url,
    ask,
    query: async (expr, time = Date.now() / 1000) =>
      listAt(await ask('/api/v1/query', { query: expr, time: String(time) }), 'result').map(seriesOf),
    range: async (expr, from, to) => {
      const span = { start: String(from), end: String(to), step: '1' };
      return listAt(await ask('/api/v1/query_range', { query: expr, ...span }), 'result').map(seriesOf);
    },
  };
}

function seriesOf(result: unknown): Series {
  const points = at(result, 'values') === undefined ? [at(result, 'value')] : listAt(result, 'values');
  const labels = Object.entries(at(result, 'metric') ?? {}).map(([label, text]) => [label, String(text)]);
  return {
    labels: Object.fromEntries(labels),
    points: points.map((point) => [Number(at(point, 0)), Number(at(point, 1))]),
  };
}
