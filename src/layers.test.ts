// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Imports point one way. What a layer may not import keeps it what it is: outputs cannot touch what they cannot reach.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

interface Layer {
  /** Other layers, and packages, that its files may import. */
  readonly imports: readonly string[];
  /** Modules of Node that it may import beyond `harmless`. */
  readonly node?: readonly string[] | 'all';
}

const harmless = ['node:path', 'node:timers/promises', 'node:url', 'node:util'];

const belowCommands = [
  'snapshot',
  'log',
  'metric',
  'metrics',
  'kernel',
  'engine',
  'inventory',
  'collectors',
  'accounting',
  'agent',
  'fleet',
  'history',
  'diagnosis',
  'outputs',
  'server',
  'commander',
];

/** A layer is a folder of src, or a file there. `addon` is the interface of the addon: only its types are imported by name. */
const layers: Readonly<Record<string, Layer>> = {
  snapshot: { imports: [] },
  metric: { imports: [] },
  'url-credentials': { imports: [] },
  metrics: { imports: ['metric', 'snapshot'] },
  log: { imports: ['snapshot'] },
  kernel: { imports: ['addon', 'log'], node: 'all' },
  engine: { imports: ['kernel', 'snapshot'] },
  inventory: { imports: ['kernel', 'engine', 'snapshot'] },
  collectors: { imports: ['kernel', 'engine', 'inventory', 'snapshot'] },
  accounting: { imports: ['kernel', 'engine', 'snapshot'] },
  agent: { imports: ['kernel', 'log', 'engine', 'inventory', 'collectors', 'accounting', 'snapshot'] },
  history: { imports: ['snapshot'] },
  diagnosis: { imports: ['snapshot'] },
  // Reads other hosts by the HTTP API of an engine: `fetch` is all it needs of the system.
  fleet: { imports: ['url-credentials'] },
  outputs: {
    imports: ['snapshot', 'fleet', 'metric', 'metrics', 'diagnosis', 'prom-client', 'fast-string-width'],
  },
  server: {
    imports: [
      'snapshot',
      'log',
      'metrics',
      'history',
      'diagnosis',
      'outputs',
      'url-credentials',
      'fastify',
      '@fastify/basic-auth',
      'bcrypt',
      'yaml',
    ],
    node: 'all',
  },
  // The process of the agent that has no rights: it may not import what counts.
  serving: { imports: ['snapshot', 'log', 'kernel', 'server'], node: 'all' },
  // Runs in a browser: the parts of these layers that it uses must not need Node.
  page: { imports: ['snapshot', 'diagnosis', 'outputs', 'uplot'] },
  commands: { imports: belowCommands, node: 'all' },
  main: { imports: [...belowCommands, 'commands'], node: 'all' },
};

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => join('src', file));

// Biome's layout makes statements plain to see.
function importsOf(file: string) {
  const statement = /(?:^import |^(?:import|export|\}).* from |\bimport\()'([^']+)'/gm;
  return [...readFileSync(file, 'utf8').matchAll(statement)].map(([, specifier]) => specifier ?? '');
}

/** What a collector says of its subject without a kernel: its slice of the snapshot, and its lines of the catalogue. */
const PURE: Readonly<Record<string, string>> = { 'state.ts': 'snapshot', 'metrics.ts': 'metrics' };

/** 'src/kernel/host.ts' is of kernel, 'src/main.ts' of main, 'addon/tapscope.d.ts' of addon. */
function layerOf(path: string): string {
  const [top = '', next = ''] = path.split('/');
  if (next === 'collectors') return PURE[basename(path)] ?? next;
  return top === 'src' ? next.replace(/\.ts$/, '') : top;
}

/** Why a file may not import this, or undefined. */
function objection(file: string, specifier: string): string | undefined {
  const own = layerOf(file);
  const rules = layers[own];
  if (rules === undefined) return `${file}: no layer of the table owns it`;
  if (specifier.startsWith('node:')) {
    const allowed = rules.node === 'all' || harmless.includes(specifier) || rules.node?.includes(specifier);
    return allowed
      ? undefined
      : `${file}: ${own} may not import ${specifier}: kernel is the only layer that touches the system`;
  }
  const target = specifier.startsWith('.') ? layerOf(normalize(join(dirname(file), specifier))) : specifier;
  return target === own || rules.imports.includes(target)
    ? undefined
    : `${file}: ${own} may not import ${target} (${specifier})`;
}

test('imports point one way', () => {
  assert.ok(files.length > 0);
  assert.deepEqual(
    files.flatMap((file) => importsOf(file).flatMap((specifier) => objection(file, specifier) ?? [])),
    [],
  );
});

/** Layers that this one imports, itself or through others. */
function reach(layer: string): ReadonlySet<string> {
  const direct = (layers[layer]?.imports ?? []).filter((name) => name in layers || name === 'addon');
  return new Set(direct.flatMap((name) => [name, ...reach(name)]));
}

/** The table as a drawing, without the arrows that follow from others. */
function drawing(): string {
  const arrows = Object.entries(layers).flatMap(([layer, { imports }]) => {
    const direct = imports.filter((name) => reach(layer).has(name));
    const needed = direct.filter((name) => !direct.some((other) => reach(other).has(name)));
    return needed.map((name) => `  ${layer} --> ${name}`);
  });
  return ['```mermaid', 'flowchart TD', ...arrows.sort(), '```'].join('\n');
}

test('the drawing of docs/architecture.md is that of the table (UPDATE=1 writes it)', () => {
  const page = 'docs/architecture.md';
  const document = readFileSync(page, 'utf8');
  const fresh = document.replace(/```mermaid\n[^`]*```/, drawing());
  assert.ok(fresh.includes(drawing()), `${page} has no place for the drawing`);
  if (process.env.UPDATE === '1') writeFileSync(page, fresh);
  assert.equal(readFileSync(page, 'utf8'), fresh);
});

test('of another collector a collector knows only what is in the snapshot', () => {
  const subjectOf = (path: string): string => path.split('/')[2] ?? '';
  const foreign = files
    .filter((file) => /^src\/collectors\/[^/]+\//.test(file))
    .flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => normalize(join(dirname(file), specifier)))
        .filter((path) => path.startsWith('src/collectors/') && subjectOf(path) !== subjectOf(file))
        .filter((path) => basename(path) !== 'state.ts')
        .map((path) => `${file} imports ${path}`),
    );
  assert.deepEqual(foreign, []);
});

test('what is known is asked for by capability, not by the name of a mechanism', () => {
  const compared = files.filter((file) =>
    /mechanism\([^)]*\)( \?\? '\w*'\))?\s*[!=]==? ['"`]|includes\([^)]*\.mechanism\(/.test(readFileSync(file, 'utf8')),
  );
  assert.deepEqual(compared, []);
});

test('the check sees what it forbids', () => {
  const cases: readonly (readonly [file: string, specifier: string, forbidden: boolean])[] = [
    ['src/engine/rows.ts', '../kernel/native.ts', false],
    ['src/kernel/host.ts', '../engine/rows.ts', true],
    ['src/kernel/native.ts', '../../addon/tapscope.d.ts', false],
    ['src/engine/rows.ts', '../../addon/tapscope.d.ts', true],
    ['src/collectors/vhost/read.ts', '../../kernel/native.ts', false],
    ['src/collectors/vhost/state.ts', '../../kernel/native.ts', true],
    ['src/collectors/vhost/metrics.ts', './state.ts', false],
    ['src/engine/rows.ts', '../collectors/list.ts', true],
    ['src/outputs/text.ts', '../kernel/native.ts', true],
    ['src/outputs/text.ts', 'node:fs', true],
    ['src/server/http.ts', 'fastify', false],
    ['src/engine/rows.ts', 'fastify', true],
    ['src/commands/bench.ts', '../../bench/main.ts', true],
    ['src/commands/serve.ts', '../../lab/netns.ts', true],
    ['src/utils.ts', './snapshot.ts', true],
  ];
  for (const [file, specifier, forbidden] of cases) {
    assert.equal(objection(file, specifier) !== undefined, forbidden, `${file} importing ${specifier}`);
  }
});

test('the addon knows no probe, metric or struct of ours', () => {
  const ours = /\b(?:tapscope_[a-z]+|tun_\w+|tap_\w+|vhost\w*|kfree_skb|consume_skb|ptr_ring\w*|net_dev\w*|sk_buff)\b/g;
  const sources = readdirSync('addon', { recursive: true, encoding: 'utf8' }).filter((file) => /\.(cc|hh)$/.test(file));
  const found = sources.flatMap((file) =>
    (readFileSync(join('addon', file), 'utf8').match(ours) ?? []).map((word) => `addon/${file}: ${word}`),
  );
  assert.deepEqual(found, []);
});

test('dashboards know the catalogue, what a fleet records of it, and nothing else of the agent', () => {
  const own = readdirSync('dashboards', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('dashboards', file));
  const imported = own.flatMap((file) => importsOf(file).map((specifier) => normalize(join(dirname(file), specifier))));
  const ofAgent = imported.filter((path) => path.startsWith('src/'));
  assert.deepEqual([...new Set(ofAgent)].sort(), [
    'src/fleet/factor-queries.ts',
    'src/fleet/factor-tier.ts',
    'src/fleet/tier.ts',
    'src/metric.ts',
    'src/metrics.ts',
    'src/metrics/agent.ts',
    'src/metrics/cpu.ts',
  ]);
});
