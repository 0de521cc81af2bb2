// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The pages hold true: links and anchors resolve, no command or page is left out, promises name tests that exist.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

function filesOf(folder: string, pattern: RegExp): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
}

const text = (page: string): string => readFileSync(page, 'utf8');
const pages = [...readdirSync('.').filter((name) => name.endsWith('.md')), ...filesOf('docs', /\.md$/)];

/** Targets of a page's links and pictures within this tree. */
function targetsOf(page: string): readonly string[] {
  const links = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((target) => !/^https?:/.test(target));
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): readonly string[] {
  const headings = text(page)
    .replace(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function leadsNowhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  return !existsSync(file) || (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor));
}

test('every link of a page leads to a file of this tree, and to a heading there', () => {
  const links = pages.flatMap((page) => targetsOf(page).map((target) => ({ page, target })));
  assert.ok(links.length > 100);
  assert.deepEqual(
    links.filter(({ page, target }) => leadsNowhere(page, target)),
    [],
  );
  assert.ok(leadsNowhere('README.md', 'docs/install.md#no-such-heading'));
});

test('every page of docs that code names exists', () => {
  const folders = ['addon', 'bench', 'bpf', 'dashboards', 'deploy', 'lab', 'src', 'test'];
  const sources = folders.flatMap((folder) => filesOf(folder, /\.(ts|mjs|c|h|cc|hh|ya?ml|txt)$/));
  const named = sources.flatMap((file) =>
    [...text(file).matchAll(/\bdocs\/[\w/-]+\.md\b/g)].map(([page]) => ({ file, page })),
  );
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter(({ page }) => !existsSync(page)),
    [],
  );
});

test('every file that a page names exists', () => {
  const current = pages.filter((page) => page !== 'CHANGELOG.md');
  const named = current.flatMap((page) =>
    [...text(page).matchAll(/`((?:addon|bench|bpf|dashboards|deploy|docs|lab|src|test)\/[\w./-]+)`/g)].map(
      ([, file = '']) => ({ page, file }),
    ),
  );
  assert.ok(named.length > 100);
  assert.deepEqual(
    named.filter(({ file }) => !existsSync(file)),
    [],
  );
});

for (const folder of ['docs', 'docs/decisions'])
  test(`${folder}/README.md leads to every page of its folder`, () => {
    const linked = targetsOf(`${folder}/README.md`).map((target) => target.replace(/#.*/, ''));
    const own = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
    assert.deepEqual(
      own.filter((name) => !linked.includes(name)),
      [],
    );
  });

test('the questions of docs/README.md are answered on the pages that they lead to', () => {
  assert.ok(targetsOf('README.md').includes('docs/README.md'));
  const [, section = ''] = text('docs/README.md').split('## Questions\n');
  const rows = section.split('\n').filter((line) => /^\| [^|]*\? \|/.test(line));
  assert.ok(rows.length >= 12);
  for (const row of rows) {
    const answers = [...row.matchAll(/\]\(([^)#]+)/g)].map(([, page = '']) => text(join('docs', page)));
    const command = /^\| [^|]*\? \| `(tapscope [a-z]+)[^`]*` \|/.exec(row)?.[1];
    assert.ok(command !== undefined, `its answer is no command: ${row}`);
    const names = [command, ...[...row.matchAll(/`(tapscope_\w+|--[\w.-]+)`/g)].map(([, code = '']) => code)];
    for (const name of names)
      assert.ok(
        answers.some((page) => page.includes(name)),
        `${row}: ${name}`,
      );
  }
});

test('docs/commands.md names every command', () => {
  const page = text('docs/commands.md');
  const commands = [...text('src/main.ts').matchAll(/\.command\('(\w+)/g)].map(([, name]) => name);
  assert.ok(commands.length > 5);
  assert.deepEqual(
    commands.filter((name) => !page.includes(`\`tapscope ${name}`)),
    [],
  );
});

test('SECURITY.md names the test that tries to break each promise, and says where there is none', () => {
  const rows = text('SECURITY.md')
    .split('\n')
    .filter((line) => /^\| .* \|$/.test(line) && !/^\| (?:attempt|promise) \|/.test(line));
  assert.ok(rows.length > 35);
  for (const row of rows) {
    const files = [...row.matchAll(/`((?:src|lab|test|deploy)\/[^`]*\.test\.ts)`(?: \(“([^”]+)”\))?/g)];
    assert.ok(files.length > 0 || row.includes('| open: '), `no test: ${row}`);
    for (const [, file = '', name] of files) {
      assert.ok(name !== undefined, `${file} has no name of a test in it: ${row}`);
      assert.ok(existsSync(file) && namesOfTests(file).some((one) => one.includes(name)), `${file} has no “${name}”`);
    }
  }
});

/** The texts behind `test(` and what makes tests of properties. */
function namesOfTests(file: string): readonly string[] {
  const calls = text(file).matchAll(/\b(?:test|holdsForAll|holdsInTime)\(\s*(['"`])((?:(?!\1)[^\n\\]|\\.)*)\1/g);
  return [...calls].map(([, , name = '']) => name);
}

test('docs/stability.md has the schema numbers of docs/schema', () => {
  const page = text('docs/stability.md');
  const schema = JSON.parse(text('docs/schema/tapscope.schema.json'));
  const rows = [...page.matchAll(/^\| (`.*`)[^|]*\| (\d+) \|$/gm)].map(([, names = '', number]) => ({
    names: [...names.matchAll(/\w+(?=`)/g)].map(([name]) => name),
    number: Number(number),
  }));
  const documents = Object.entries<{ properties?: { schema?: { const: number } } }>(schema.$defs).flatMap(
    ([name, { properties }]) => (properties?.schema === undefined ? [] : [[name, properties.schema.const] as const]),
  );
  assert.ok(documents.length >= 8);
  for (const [name, number] of documents)
    assert.ok(
      rows.some((row) => row.names.includes(name) && row.number === number),
      `${name} ${number}`,
    );
  assert.ok(page.includes(schema.$id));
});
