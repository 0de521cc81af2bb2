// SPDX-License-Identifier: Apache-2.0
// Carries out a compose file of deploy/fleet without containers: each service is a process in a folder that holds what would be mounted.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, createWriteStream, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { at, listAt, textAt } from '../host/checked-json.ts';
import { missing, type Need, pathOf, provide } from '../programs/need.ts';

export interface Engine {
  readonly name: string;
  /** http://host:port */
  readonly url: string;
  readonly pid: () => number;
  /** As a crash or a lack of memory ends it. */
  readonly kill: () => Promise<void>;
  /** After kill(). */
  readonly start: () => Promise<void>;
}

interface Options {
  /** Whose data is kept is the caller's affair. */
  readonly folder: string;
  /** In place of a file that is mounted, by its name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Without those whose names do not match. */
  readonly only?: RegExp;
}

const READY_WITHIN_MS = 120_000;

export const FLEET = 'deploy/fleet/compose.yml';
export const VICTORIA = 'deploy/fleet/victoria.yml';

const THANOS = 'v0.42.0';
/** The program of each image, and where it comes from without a registry of images. */
const PROGRAMS: Readonly<Record<string, Need>> = {
  'quay.io/thanos/thanos': {
    module: 'github.com/thanos-io/thanos',
    version: THANOS,
    main: './cmd/thanos',
    // Without it labels are stored in another way than Thanos casts them to, and it crashes.
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
}

function servicesOf(file: string): readonly Service[] {
  const services = Object.entries(at(parse(readFileSync(file, 'utf8'), { merge: true }), 'services') ?? {});
  return services.map(([name, service]) => ({
    name,
    image: textAt(service, 'image').replace(/:[^:]*$/, ''),
    command: listAt(service, 'command').map(String),
    volumes: listAt(at(service, 'volumes') ?? []).map(String),
    ready: String(listAt(service, 'healthcheck', 'test').at(-1)),
  }));
}

function needOf({ image }: Service): Need {
  const need = PROGRAMS[image];
  if (!need) throw new Error(`What runs in the image ${image} is not known here.`);
  return need;
}

/** For `skip`: what is not here, or false. */
export function missingEngines(file: string): string | false {
  return missing(servicesOf(file).map(needOf));
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
  await Promise.all(engines.map(({ start }) => start()));
  return new Map(engines.map((engine) => [engine.name, engine]));
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
  const kill = async (): Promise<void> => {
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
      const { file } = needOf(service);
      const log = createWriteStream(join(root, 'log'), { flags: 'a' });
      const begun = spawn(pathOf(file) ?? file, service.command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
      begun.stdout.pipe(log, { end: false });
      begun.stderr.pipe(log, { end: false });
      child = begun;
      await ready(service, begun, root);
    },
  };
}

async function ready({ name, ready: url }: Service, child: ChildProcess, root: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await wait(100);
  }
  const last = readFileSync(join(root, 'log'), 'utf8').trim().split('\n').slice(-3).join('\n');
  throw new Error(`${name} did not become ready at ${url}:\n${last}`);
}
