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

const PRODUCT =
  'snapshot log kernel engine inventory subjects accounting losses agent fleet history diagnosis outputs server';

function outside(name: string, files: RegExp, imports: string): [string, Layer] {
  return [name, { files, imports: imports.split(' '), node: 'all' }];
}

/** From the top down. A file is of the first layer that names it. */
const LAYERS = new Map<string, Layer>([
  outside('deploy', /^deploy\//, 'kernel commands test'),
  outside('lab', /^lab\//, `${PRODUCT} bench commands dashboards-tests dashboards test`),
  outside('dashboards-tests', /^dashboards\/(test\/|.*\.test\.ts$)/, 'dashboards subjects snapshot fleet test'),
  // Pure: what they know of the agent is its catalogue, and what a fleet records of it.
  outside('dashboards', /^dashboards\//, 'subjects snapshot fleet test'),
  outside('tests', /^(src|addon|bench)\/(.*\.test\.ts$|test\/)/, `${PRODUCT} bench commands page addon test`),
  outside('test', /^test\//, `${PRODUCT} bench commands`),
  // What plays and measures: a package of its own, which \`tapscope bench\` and \`tapscope demo\` load.
  outside('bench', /^bench\//, `${PRODUCT} commands`),
  outside('addon', /^addon\//, ''),
  inSrc('main', `${PRODUCT} commands commander`, 'most'),
  inSrc('commands', `${PRODUCT} commander`, 'most'),
  // Runs in a browser: the parts of these layers that it uses must not need Node.
  inSrc('page', 'snapshot diagnosis outputs uplot'),
  // The process of the agent that has no rights: it may not import what counts.
  inSrc('serving', 'snapshot log kernel server', 'most'),
  inSrc(
    'server',
    'snapshot log subjects history diagnosis outputs url-credentials fastify @fastify/basic-auth bcrypt yaml',
    'most',
  ),
  inSrc('outputs', 'snapshot fleet subjects diagnosis prom-client fast-string-width'),
  // Reads other hosts by the HTTP API of an engine: `fetch` is all it needs of the system.
  inSrc('fleet', 'url-credentials'),
  inSrc('diagnosis', 'snapshot'),
  inSrc('history', 'snapshot'),
  inSrc('agent', 'kernel log engine inventory subjects accounting losses snapshot'),
  inSrc('losses', 'kernel engine snapshot'),
  inSrc('accounting', 'engine snapshot'),
  inSrc('subjects', 'kernel engine snapshot'),
  inSrc('inventory', 'kernel engine snapshot'),
  inSrc('engine', 'kernel snapshot'),
  inSrc('snapshot', ''),
  inSrc('kernel', 'addon log', 'most'),
  inSrc('log', 'snapshot'),
  inSrc('url-credentials', ''),
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
  const direct = (LAYERS.get(layer)?.imports ?? []).filter((name) => LAYERS.has(name));
  return new Set(direct.flatMap((name) => [name, ...reach(name)]));
}

/** The table as a drawing, without the arrows that follow from others. */
function drawing(): string {
  const arrows = [...LAYERS].flatMap(([layer, { imports }]) => {
    const direct = imports.filter((name) => LAYERS.has(name));
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
