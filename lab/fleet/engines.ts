// SPDX-License-Identifier: Apache-2.0
// Carries out a compose file of deploy/fleet without containers: each service is a process in a folder that holds what would be mounted.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, createWriteStream, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { at, listAt, textAt } from '../../test/host/checked-json.ts';
import { type Need, pathOf, provide } from '../../test/host/need.ts';

export interface Engine {
  readonly name: string;
  /** http://host:port */
  readonly url: string;
  readonly pid: () => number;
  /** Ends the engine as a crash or a lack of memory does. */
  readonly kill: () => Promise<void>;
  /** Starts the engine again after kill(). */
  readonly start: () => Promise<void>;
}

interface Options {
  /** The engines' data; the caller decides whether it is kept. */
  readonly folder: string;
  /** Contents that replace mounted files, by file name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Engines whose names do not match are left out. */
  readonly only?: RegExp;
}

const READY_WITHIN_MS = 120_000;
const RESTART_AFTER_MS = 1000;
const MOST_RESTARTS = 3;
/** The most lines of a stack trace that are shown. */
const MOST_LINES = 40;

export const FLEET = 'deploy/fleet/compose.yml';
export const VICTORIA = 'deploy/fleet/victoria.yml';

const THANOS = 'v0.42.0';
/** The program of each image, and where it comes from without a registry of images. */
const PROGRAMS: Readonly<Record<string, Need>> = {
  'quay.io/thanos/thanos': {
    module: 'github.com/thanos-io/thanos',
    version: THANOS,
    main: './cmd/thanos',
    // Without this tag labels are stored in another way than Thanos casts them to, and Thanos crashes.
    tags: 'slicelabels',
    file: 'thanos',
  },
  'prom/prometheus': { debian: 'prometheus', file: 'prometheus' },
  'prom/alertmanager': { debian: 'prometheus-alertmanager', file: 'prometheus-alertmanager' },
  'victoriametrics/victoria-metrics': { debian: 'victoria-metrics', file: 'victoria-metrics' },
  'victoriametrics/vmagent': { debian: 'victoria-metrics', file: 'vmagent' },
  'victoriametrics/vmalert': { debian: 'victoria-metrics', file: 'vmalert' },
};

interface Service {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly volumes: readonly string[];
  readonly ready: string;
  /** Must answer before it starts. */
  readonly after: readonly string[];
}

function servicesOf(file: string): readonly Service[] {
  const services = Object.entries(at(parse(readFileSync(file, 'utf8'), { merge: true }), 'services') ?? {});
  return services.map(([name, service]) => ({
    name,
    image: textAt(service, 'image').replace(/:[^:]*$/, ''),
    command: listAt(service, 'command').map(String),
    volumes: listAt(at(service, 'volumes') ?? []).map(String),
    ready: String(listAt(service, 'healthcheck', 'test').at(-1)),
    after: Object.keys(at(service, 'depends_on') ?? {}),
  }));
}

function needOf({ image }: Service): Need {
  const need = PROGRAMS[image];
  if (!need) throw new Error(`What runs in the image ${image} is not known here.`);
  return need;
}

/** Builds Thanos if it is not here yet; the reason why the engines cannot run, or false. */
export async function provideEngines(file: string): Promise<string | false> {
  return provide(servicesOf(file).map(needOf));
}

export async function startEngines(
  t: { after(undo: () => Promise<unknown>): void },
  file: string,
  { folder, files = {}, only = /^/ }: Options,
): Promise<ReadonlyMap<string, Engine>> {
  const services = servicesOf(file).filter(({ name }) => only.test(name));
  const engines = services.map((service) => {
    const root = join(folder, service.name);
    furnish(service, { root, folder, files, from: dirname(file) });
    const engine = engineOf(service, root);
    t.after(engine.kill);
    return engine;
  });
  const byName = new Map(engines.map((engine) => [engine.name, engine]));
  await startInTurn(services, (name) => byName.get(name)?.start());
  return byName;
}

/** Starts each engine when those that it depends on answer. */
async function startInTurn(
  services: readonly Service[],
  start: (name: string) => Promise<void> | undefined,
): Promise<void> {
  const started = new Map<string, Promise<void>>();
  const startOne = (name: string): Promise<void> => {
    const known = started.get(name);
    if (known) return known;
    const after = services.find((service) => service.name === name)?.after ?? [];
    const begun = Promise.all(after.map(startOne)).then(() => start(name));
    started.set(name, begun);
    return begun;
  };
  await Promise.all(services.map(({ name }) => startOne(name)));
}

interface Place {
  readonly root: string;
  readonly folder: string;
  readonly from: string;
  readonly files: Readonly<Record<string, string>>;
}

function furnish({ volumes }: Service, { root, folder, from, files }: Place): void {
  mkdirSync(root, { recursive: true });
  for (const volume of volumes) {
    const [source = '', target = ''] = volume.split(':');
    const place = join(root, basename(target));
    const own = files[basename(source)];
    if (own !== undefined) writeFileSync(place, own);
    else if (source.startsWith('.')) copyFileSync(join(from, source), place);
    else link(resolve(folder, 'volumes', source), place);
  }
}

function link(volume: string, place: string): void {
  mkdirSync(volume, { recursive: true });
  symlinkSync(volume, place);
}

function engineOf(service: Service, root: string): Engine {
  let child: ChildProcess | undefined;
  let isWanted = false;
  let restarts = 0;
  const launch = (): void => {
    const log = createWriteStream(join(root, 'log'), { flags: 'a' });
    const { file } = needOf(service);
    const begun = spawn(pathOf(file) ?? file, service.command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    begun.stdout.pipe(log, { end: false });
    begun.stderr.pipe(log, { end: false });
    // Restarts the engine as `restart: unless-stopped` in the compose file asks.
    begun.once('close', (code, signal) => {
      if (!isWanted || restarts === MOST_RESTARTS) return;
      restarts += 1;
      console.error(`${service.name} ended with ${signal ?? code} and is started again:\n${lastWords(root)}`);
      setTimeout(() => isWanted && launch(), RESTART_AFTER_MS);
    });
    child = begun;
  };
  const kill = async (): Promise<void> => {
    isWanted = false;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child?.once('close', done));
    child.kill('SIGKILL');
    await gone;
  };
  return {
    name: service.name,
    url: new URL(service.ready).origin,
    pid: () => child?.pid ?? 0,
    kill,
    start: async () => {
      isWanted = true;
      launch();
      await ready(service, root);
    },
  };
}

async function ready({ name, ready: url }: Service, root: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await wait(100);
  }
  throw new Error(`${name} did not become ready at ${url}:\n${lastWords(root)}`);
}

/** The end of the engine's log: from the line where a Go program says why it ends, else the last lines. */
function lastWords(root: string): string {
  const lines = readFileSync(join(root, 'log'), 'utf8').trim().split('\n');
  const why = lines.findLastIndex((line) => /^(panic|fatal error): /.test(line));
  return (why >= 0 ? lines.slice(why, why + MOST_LINES) : lines.slice(-3)).join('\n');
}
