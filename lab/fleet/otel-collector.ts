// SPDX-License-Identifier: Apache-2.0
// A real OpenTelemetry collector, built by its own builder and kept in the lab's cache; what it received it sends on to the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { listAt, parseJson } from '../../test/host/checked-json.ts';
import { freePort } from '../../test/host/free-port.ts';
import { BUILT, type Need, pathOf, provide } from '../../test/host/need.ts';
import { run } from '../../test/host/run.ts';

const VERSION = 'v0.165.0';
const FILE = 'tapscope-otelcol';
const BUILDER: Need = { go: `go.opentelemetry.io/collector/cmd/builder@${VERSION}`, builtAs: 'builder', file: 'ocb' };
const BUILD_LIMIT_MS = 1_800_000;
const READY_WITHIN_MS = 60_000;

/** Builds it if it is not here yet; the reason why it cannot be had, or false. */
export async function provideCollector(): Promise<string | false> {
  if (pathOf(FILE)) return false;
  const missing = await provide([BUILDER]);
  if (missing) return missing;
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-ocb-'));
  try {
    await copyFile('lab/fleet/otel-collector.yml', join(folder, 'build.yml'));
    const env = { ...process.env, GOFLAGS: '-buildvcs=false -p=2', CGO_ENABLED: '0' };
    const words = ['-n', '19', pathOf('ocb') ?? 'ocb', '--config', 'build.yml'];
    await run('nice', words, { cwd: folder, env, timeout: BUILD_LIMIT_MS, maxBuffer: 1 << 24 });
    await copyFile(join(folder, 'made', FILE), join(BUILT, `${FILE}.new`));
    await rename(join(BUILT, `${FILE}.new`), join(BUILT, FILE));
    return false;
  } catch (error) {
    return `cannot build ${FILE}: ${String(error).trim().split('\n').slice(-2).join('; ')}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Collector {
  /** http://host:port */
  readonly url: string;
  /** ExportMetricsServiceRequest, as it understood them. */
  readonly metrics: readonly unknown[];
  /** Log records of all requests. */
  readonly records: readonly unknown[];
  kill(): Promise<void>;
  /** Starts the collector again after kill(). */
  start(): Promise<void>;
}

export async function startCollector(t: { after(undo: () => Promise<unknown>): void }): Promise<Collector> {
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-otelcol-'));
  const port = await freePort();
  const config = join(folder, 'config.json');
  const metrics: unknown[] = [];
  const records: unknown[] = [];
  const sink = await startSink((path, request) => {
    if (path === '/v1/metrics') metrics.push(request);
    else records.push(...recordsOf(request));
  });
  await writeFile(config, configOf(port, sink.url));
  let kill = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    kill = await begin(config, port);
  };
  t.after(async () => {
    await kill();
    sink.close();
    await rm(folder, { recursive: true, force: true });
  });
  await start();
  return { url: `http://127.0.0.1:${port}`, metrics, records, kill: () => kill(), start };
}

function recordsOf(request: unknown): readonly unknown[] {
  return listAt(request, 'resourceLogs')
    .flatMap((resource) => listAt(resource, 'scopeLogs'))
    .flatMap((scope) => listAt(scope, 'logRecords'));
}

async function startSink(take: (path: string, request: unknown) => void) {
  const server = createServer(async (request, answer) => {
    take(request.url ?? '', parseJson(await text(request)));
    answer.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A collector without a queue: it answers when the test has what it received. JSON is YAML. */
function configOf(port: number, sink: string): string {
  const exporter = {
    endpoint: sink,
    encoding: 'json',
    compression: 'none',
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  };
  const pipeline = { receivers: ['otlp'], exporters: ['otlp_http'] };
  return JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { otlp_http: exporter },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { metrics: pipeline, logs: pipeline },
    },
  });
}

async function begin(config: string, port: number): Promise<() => Promise<void>> {
  const child = spawn(pathOf(FILE) ?? FILE, ['--config', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const deadline = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    if (await listens(port)) return kill;
    await wait(50);
  }
  await kill();
  throw new Error('The collector did not become ready.');
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
