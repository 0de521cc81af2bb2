// SPDX-License-Identifier: Apache-2.0
// npx tsx test/layers.ts [--write]: imports point one way. What a layer may not import keeps it what it is: outputs cannot touch what they cannot reach.
// `make lint` runs it; --write draws the table in docs/architecture.md. Circles are found by Biome (noImportCycles), those of types too.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Layer {
  readonly files: RegExp;
  /** Other layers that its files may import, and packages. */
  readonly imports: readonly string[];
  /** Modules of Node: 'few' reach nothing outside of the process, 'most' start no programs; 'all': and any package. */
  readonly node: 'few' | 'most' | 'all';
}

const PAGE = 'docs/architecture.md';
const FOLDERS = ['addon', 'bench', 'dashboards', 'deploy', 'lab', 'src', 'test'];
const FEW = ['node:path', 'node:timers/promises', 'node:url', 'node:util'];

/** A folder of src or a file there, and what it may import. */
function inSrc(name: string, imports: string, node: Layer['node'] = 'few'): [string, Layer] {
  return [name, { files: new RegExp(`^src/${name}(\\.ts$|/)`), imports: imports.split(' '), node }];
}

function outside(name: string, files: RegExp, imports: string): [string, Layer] {
  return [name, { files, imports: imports.split(' '), node: 'all' }];
}

const PRODUCT =
  'snapshot log operator-file foreign-name own-command kernel engine inventory subjects losses accounting agent history diagnosis fleet outputs server commands';

/** From the top down. A file is of the first layer that names it. */
const LAYERS = new Map<string, Layer>([
  outside('deploy', /^deploy\//, 'kernel commands test'),
  outside('lab', /^lab\//, `${PRODUCT} bench test dashboards dashboards-tests`),
  outside('dashboards-tests', /^dashboards\/(test\/|.*\.test\.ts$)/, 'subjects fleet test dashboards'),
  // What they know of the agent is its catalogue, and what a fleet records of it.
  outside('dashboards', /^dashboards\//, 'snapshot subjects fleet test'),
  outside('tests', /^(src|addon|bench)\/(.*\.test\.ts$|test\/)/, `${PRODUCT} page addon bench test`),
  outside('test', /^test\//, `${PRODUCT} bench`),
  outside('addon', /^addon\//, ''),
  // It alone starts programs.
  outside('bench', /^bench\//, PRODUCT),
  inSrc('main', 'snapshot log own-command kernel agent commands commander', 'most'),
  inSrc('commands', `${PRODUCT} commander`, 'most'),
  // The process of the agent that has no rights.
  inSrc('serving', 'snapshot log own-command kernel server', 'most'),
  // Runs in a browser: the parts of these layers that it uses must not need Node.
  inSrc('page', 'snapshot diagnosis outputs uplot'),
  inSrc(
    'server',
    'snapshot log subjects history diagnosis outputs url-credentials operator-file foreign-name fastify @fastify/basic-auth ajv bcrypt yaml',
    'most',
  ),
  inSrc(
    'outputs',
    'snapshot own-command subjects diagnosis fleet prom-client @bufbuild/protobuf/wire fast-string-width',
  ),
  // Reads other hosts by the HTTP API of an engine: `fetch` is all it needs of the system.
  inSrc('fleet', 'url-credentials'),
  inSrc('diagnosis', 'snapshot foreign-name own-command'),
  inSrc('history', 'snapshot'),
  inSrc('agent', 'snapshot log operator-file foreign-name kernel engine inventory subjects losses accounting'),
  inSrc('accounting', 'snapshot kernel engine'),
  inSrc('losses', 'snapshot kernel engine'),
  inSrc('subjects', 'snapshot kernel engine'),
  inSrc('inventory', 'snapshot kernel engine operator-file foreign-name re2js'),
  inSrc('engine', 'snapshot kernel'),
  inSrc('kernel', 'addon log operator-file foreign-name own-command', 'most'),
  inSrc('log', 'snapshot pino'),
  inSrc('snapshot', ''),
  inSrc('url-credentials', ''),
  inSrc('operator-file', '', 'most'),
  inSrc('foreign-name', ''),
  inSrc('own-command', ''),
]);

function layerOf(path: string): string {
  return [...LAYERS].find(([, { files }]) => files.test(path))?.[0] ?? `no layer has ${path}`;
}

/** Why a file may not import this, or undefined. */
export function objection(file: string, specifier: string): string | undefined {
  const own = layerOf(file);
  const { imports = [], node = 'few' } = LAYERS.get(own) ?? {};
  const isRelative = specifier.startsWith('.');
  const path = isRelative ? normalize(join(dirname(file), specifier)) : specifier;
  const target = isRelative ? layerOf(path) : specifier;
  const allowed = specifier.startsWith('node:')
    ? node === 'all' || FEW.includes(specifier) || (node === 'most' && specifier !== 'node:child_process')
    : target === own || imports.includes(target) || (!isRelative && node === 'all');
  return allowed ? undefined : `${file}: ${own} may not import ${target} (${specifier})`;
}

/** Imports of values and of types, at once or later. Biome's layout makes them plain to see. */
const IMPORTS = /(?:^import |^(?:import|export|\}).* from |\b(?:tsI|i)mport\()'([^']+)'/gm;

function objections(): readonly string[] {
  const files = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const sources = files.filter((file) => /\.(ts|tsx|mjs)$/.test(file));
  if (sources.length === 0) throw new Error('No source file: layers are checked from the root of the tree.');
  return sources.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(IMPORTS)]
      .filter(([, specifier = '']) => !specifier.startsWith('.') || existsSync(join(dirname(file), specifier))) // others are text
      .flatMap(([, specifier = '']) => objection(file, specifier) ?? []),
  );
}

/** The layers that this one imports, itself or through others. */
function reach(layer: string): ReadonlySet<string> {
  const direct = (LAYERS.get(layer)?.imports ?? []).filter((name) => name !== layer && LAYERS.has(name));
  return new Set(direct.flatMap((name) => [name, ...reach(name)]));
}

/** The table as a drawing, without the arrows that follow from others. */
function drawing(): string {
  const arrows = [...LAYERS].flatMap(([layer, { imports }]) => {
    const direct = imports.filter((name) => name !== layer && LAYERS.has(name));
    const needed = direct.filter((name) => !direct.some((other) => reach(other).has(name)));
    return needed.map((name) => `  ${layer} --> ${name}`);
  });
  return ['```mermaid', 'flowchart TD', ...arrows.sort(), '```'].join('\n');
}

function main(writes: boolean): void {
  const page = readFileSync(PAGE, 'utf8');
  const drawn = page.replace(/```mermaid\n[^`]*```/, drawing);
  if (writes) writeFileSync(PAGE, drawn);
  const isStale = !writes && drawn !== page;
  const wrong = [...objections(), ...(isStale ? [`${PAGE} draws other layers: npx tsx test/layers.ts --write`] : [])];
  for (const one of wrong) console.error(one);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

if (process.argv[1]?.endsWith('layers.ts')) main(process.argv.includes('--write'));
