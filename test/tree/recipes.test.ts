// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The recipes of CONTRIBUTING.md, followed to the letter in a copy of the tree: how many hand-written files each takes. The lists and tables that
// must have an entry for each counter, rule or mechanism are tested in the copy: they show whether a file is missing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const FOLDERS = 'addon bench bpf dashboards deploy docs lab src test'.split(' ');
const PAGES = readdirSync('.', { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));

/** A text to write into a file, behind these words; without `behind`, a new file. */
interface Edit {
  readonly file: string;
  readonly behind?: string;
  readonly text: string;
}

const COUNTER: readonly Edit[] = [
  { file: 'bpf/rows/queue-events.bpf.h', behind: 'enum queue_event {\n', text: '\tEVENT_TRUNCATED,\n' },
  {
    file: 'src/snapshot/counters.ts',
    behind: 'export const QUEUE_COUNTERS = {\n',
    text: `  truncated: {
    needs: 'drops',
    metric: 'tapscope_queue_truncated_packets_total',
    help: 'Packets to the reader that did not fit its buffer.',
  },
`,
  },
];

const MECHANISM: readonly Edit[] = [
  {
    file: 'bpf/vhost/vhost.bpf.c',
    behind: '#include "vhost/vhost-types.bpf.h"\n',
    text: `
SEC("?fexit/vhost_net_buf_unproduce")
int BPF_PROG(unproduced_fexit, struct vhost_net_virtqueue *nvq)
{
	return 0;
}
`,
  },
  {
    file: 'src/subjects/vhost.ts',
    behind: "        unavailable: (host) => untraceable(host, 'vhost_net_buf_unproduce', 1),\n      },\n",
    text: `      {
        name: 'fexit',
        provides: ['returned'],
        programs: ['unproduced_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: 'a little later',
        unavailable: (host) => untraceable(host, 'vhost_net_buf_unproduce', 1),
      },
`,
  },
  { file: 'test/guest/forced.ts', behind: "  'batches=fentry': SAME,\n", text: "  'returned=fexit': SAME,\n" },
];

const RULE: readonly Edit[] = [
  {
    file: 'src/diagnosis/rules/reader-truncates.ts',
    text: `// SPDX-License-Identifier: Apache-2.0

import type { Rule } from '../rule.ts';

export const readerTruncates: Rule = {
  name: 'reader-truncates',
  summary: 'the buffer of the reader is smaller than the packets',
  explanation: 'The kernel cuts what does not fit.',
  symptom: 'ring-loss',
  needs: ['transmit'],
  judge: () => [],
};
`,
  },
  {
    file: 'src/diagnosis/all-rules.ts',
    behind: "import { readerStarved } from './rules/reader-starved.ts';\n",
    text: "import { readerTruncates } from './rules/reader-truncates.ts';\n",
  },
  { file: 'src/diagnosis/all-rules.ts', behind: '  readerBlocked,\n', text: '  readerTruncates,\n' },
];

/** A fault that the rule has to find, something healthy that tempts it, and what its first remedy does. */
const PROOFS: readonly Edit[] = [
  {
    file: 'lab/verdicts/reader-faults.ts',
    behind: 'export const READERS: readonly Entry[] = [\n',
    text: `  {
    name: 'a buffer of 64 bytes',
    faults: [{ device: 'tap0', rule: 'reader-truncates', holds: ringOverflows }],
    ...drawn(['tap', 'tun'], [100], [1500]),
    setUp: (stage) => readAll(stage, 64),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'a buffer that is just large enough',
    nearMissOf: 'reader-truncates',
    ...drawn(['tap', 'tun'], [100], [1500]),
    setUp: (stage) => readAll(stage, 1500),
    begin: (stage) => stage.send('tap0'),
  },
`,
  },
  {
    file: 'lab/verdicts/pasted.ts',
    behind: 'export const PASTED: readonly Pasted[] = [\n',
    text: "  { rule: 'reader-truncates', scenario: 'a buffer of 64 bytes', effect: 'words' },\n",
  },
];

const COMMAND: readonly Edit[] = [
  {
    file: 'src/commands/about-host.ts',
    text: `// SPDX-License-Identifier: Apache-2.0
// \`tapscope host\`: what is said of this host beside every figure.
import { thisHost } from './version.ts';

export function host(): void {
  process.stdout.write(\`\${JSON.stringify(thisHost())}\\n\`);
}
`,
  },
  {
    file: 'src/main.ts',
    behind: "import { FIRST_HELP, helpAfter } from './commands/help.ts';\n",
    text: "import { host } from './commands/about-host.ts';\n",
  },
  {
    file: 'src/main.ts',
    behind: '    .action((kind) => completion(tapscope, kind));\n',
    text: "  tapscope.command('host').description('version and kernel').exitOverride().action(host);\n",
  },
  {
    file: 'src/commands/help.ts',
    behind: 'const HELP: Readonly<Record<string, CommandHelp>> = {\n',
    text: "  host: { examples: [['host', 'version and kernel']], exitCodes: SUCCESS },\n",
  },
  {
    file: 'docs/commands.md',
    behind: '| command | what it does |\n|---|---|\n',
    text: '| `tapscope host` | version and kernel |\n',
  },
];

const copy = mkdtempSync(join(tmpdir(), 'tapscope-recipes-'));

before(() => {
  for (const one of [...FOLDERS, ...PAGES]) cpSync(one, join(copy, one), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  for (const edit of [COUNTER, MECHANISM, RULE, PROOFS, COMMAND].flat()) write(edit);
  recordCounter('dashboards/recorded/linux-7.3.txt');
});
after(() => rmSync(copy, { recursive: true, force: true }));

function write({ file, behind, text }: Edit): void {
  const path = join(copy, file);
  const old = existsSync(path) ? readFileSync(path, 'utf8') : '';
  assert.ok(behind === undefined ? old === '' : old.split(behind).length === 2, `${file} has '${behind}' once`);
  writeFileSync(
    path,
    old.replace(behind ?? '', () => (behind ?? '') + text),
  );
}

/** What `npx tsx lab/recorded/main.ts dashboards` would add: in a VM the new counter would have a line, with a value for each page. */
function recordCounter(file: string): void {
  const recording = readFileSync(join(copy, file), 'utf8');
  const [times = ''] = recording.split('\n');
  const zeros = times.replace('# seconds ', '').replace(/\S+/g, '0');
  const line = `tapscope_queue_truncated_packets_total{netns="1",device="tap0",queue="0"} ${zeros}\n`;
  writeFileSync(join(copy, file), recording + line);
}

function inCopy(program: string, ...words: readonly string[]): string {
  // Without this, a test runner in a test runner runs nothing.
  const { NODE_TEST_CONTEXT: _, UPDATE: __, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: copy, encoding: 'utf8', env });
  assert.equal(status, 0, `${program} ${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const node = (...words: readonly string[]): string => inCopy(process.execPath, '--import', 'tsx', ...words);

/** The files that the recipe takes, by hand; each is named in CONTRIBUTING.md. */
function filesOf(name: string, edits: readonly Edit[]): readonly string[] {
  const page = readFileSync('CONTRIBUTING.md', 'utf8');
  const words = page.split(/^\* /m).find((item) => item.startsWith(`**${name}**`)) ?? '';
  assert.notEqual(words, '', `CONTRIBUTING.md has no recipe for ${name}`);
  const files = [...new Set(edits.map(({ file }) => file))];
  const isNamed = (file: string): boolean =>
    [file, file.replace(/.*\//, ''), file.replace(/[^/]*$/, '')].some((part) => words.includes(`\`${part}\``));
  assert.deepEqual(
    files.filter((file) => !isNamed(file)),
    [],
    `the recipe "${name}" names every file`,
  );
  return files;
}

/** Files that a command of the recipe writes. */
const WRITTEN = [
  'dashboards/json.test.ts',
  'src/outputs/metrics-table.test.ts',
  'src/outputs/prometheus/prometheus-golden.test.ts',
  'src/outputs/rules-page.test.ts',
];
/** These demand an entry for each metric, rule or mechanism. */
const LISTS = [
  'test/tree/sources.test.ts',
  'test/tree/pages.test.ts',
  'src/subjects/metrics.test.ts',
  'src/diagnosis/all-rules.test.ts',
  'test/guest/guest.test.ts',
  'lab/verdicts/verdicts.test.ts',
  'lab/verdicts/verdicts.test.ts',
  'lab/verdicts/verdicts.test.ts',
  'dashboards/test/recording.test.ts',
];

test('all four together have sound types, and the tests of the tree and of its lists hold', () => {
  inCopy(process.execPath, 'node_modules/typescript/bin/tsc', '--noEmit');
  inCopy('env', 'UPDATE=1', process.execPath, '--import', 'tsx', '--test', ...WRITTEN);
  node('test/layers.ts');
  node('--test', ...WRITTEN, ...LISTS);
});

test('a counter takes two files: its place in C, and an entry with its name, its metric and its help', () => {
  assert.equal(filesOf('A counter', COUNTER).length, 2);
  const said = node(
    '--input-type=module',
    '--eval',
    `import { emptySums } from './src/engine/queue-sums.ts';
    import { COUNTER_NAMES } from './src/snapshot/counters.ts';
    import { queueMetrics } from './src/subjects/list.ts';
    const metric = queueMetrics.find(({ name }) => name === 'tapscope_queue_truncated_packets_total');
    const queue = { counters: { truncated: 42 } };
    console.log(JSON.stringify([COUNTER_NAMES.at(0), emptySums(1).truncated, metric.value(queue)]));`,
  );
  assert.deepEqual(JSON.parse(said), ['truncated', 0, 42]);
});

test('a counter gets its panel without another file', () => {
  const folder = join(copy, 'dashboards/json');
  const changed = readdirSync(folder).filter((file) => readFileSync(join(folder, file), 'utf8').includes('truncated'));
  assert.deepEqual(changed, ['queue.json']);
});

test('a mechanism takes two files and C, which compiles', () => {
  const files = filesOf('A mechanism', MECHANISM);
  assert.equal(files.filter((file) => !file.startsWith('bpf/')).length, 2);
  // The flags are the Makefile's; the compiler only checks, and makes no code.
  const flags = inCopy('make', '--silent', '--eval=flags: ; @echo $(BPF_FLAGS)', 'flags').trim().split(' ');
  inCopy('clang', ...flags, '-fsyntax-only', 'bpf/tapscope.bpf.c');
});

test('a rule takes one file and a line, its proofs two entries', () => {
  const files = filesOf('A rule', RULE);
  assert.equal(filesOf('A rule', PROOFS).length, 2);
  assert.deepEqual(files.slice(1), ['src/diagnosis/all-rules.ts']);
  assert.match(node('src/main.ts', 'explain', 'reader-truncates'), /cuts what does not fit/);
});

test('a command takes one file and its words', () => {
  const files = filesOf('A command', COMMAND);
  assert.deepEqual(files.slice(1), ['src/main.ts', 'src/commands/help.ts', 'docs/commands.md']);
  assert.match(node('src/main.ts', 'host'), /^\{"kernel":/);
  assert.match(
    node('src/main.ts', 'host', '--help'),
    /Examples:\n {2}tapscope host {2}version and kernel\n\nExit codes:/,
  );
});
