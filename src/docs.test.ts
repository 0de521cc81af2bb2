// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The pages for people: the README stays short, links lead somewhere, and no command is missing.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DROPS_SCHEMA } from './outputs/drops-text.ts';

const mostLines = 150;
const mostContributing = 200;
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...['docs', 'docs/decisions', 'docs/runbooks'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

/** Targets of a page's links and pictures within this tree, without the part after `#`. */
function targetsOf(page: string): readonly string[] {
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((target) => !/^(https?:|#)/.test(target)).map((target) => target.replace(/#.*/, ''));
}

test(`the README has at most ${mostLines} lines`, () => {
  assert.ok(readFileSync('README.md', 'utf8').split('\n').length <= mostLines);
});

test('every link of a page leads to a file of this tree', () => {
  const links = pages.flatMap((page) => targetsOf(page).map((target) => ({ page, target })));
  assert.ok(links.length > 20);
  assert.deepEqual(
    links.filter(({ page, target }) => !existsSync(join(dirname(page), target))),
    [],
  );
});

test('twelve questions are answered two links from the README, on pages that have the words of the answer', () => {
  assert.ok(targetsOf('README.md').includes('docs/README.md'));
  const [, section = ''] = readFileSync('docs/README.md', 'utf8').split('## Questions\n');
  const rows = section.split('\n').filter((line) => /^\| [^|]*\? \|/.test(line));
  assert.ok(rows.length >= 12);
  for (const row of rows) {
    const pagesOfRow = [...row.matchAll(/\]\(([^)#]+)/g)].map(([, page = '']) =>
      readFileSync(join('docs', page), 'utf8'),
    );
    const command = /^\| [^|]*\? \| `(tapscope [a-z]+)[^`]*` \|/.exec(row)?.[1];
    assert.ok(command !== undefined, `its answer is no command: ${row}`);
    const words = [command, ...[...row.matchAll(/`(tapscope_\w+|--[\w.-]+)`/g)].map(([, code = '']) => code)];
    assert.ok(words.length > 0 && pagesOfRow.length > 0, row);
    for (const one of words)
      assert.ok(
        pagesOfRow.some((page) => page.includes(one)),
        `${row}: ${one}`,
      );
  }
});

for (const folder of ['docs', 'docs/decisions'])
  test(`${folder}/README.md leads to every page of its folder`, () => {
    const linked = targetsOf(`${folder}/README.md`);
    const own = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
    assert.deepEqual(
      own.filter((name) => !linked.includes(name)),
      [],
    );
  });

test(`CONTRIBUTING.md has at most ${mostContributing} lines`, () => {
  assert.ok(readFileSync('CONTRIBUTING.md', 'utf8').split('\n').length <= mostContributing);
});

test('docs/commands.md names every command', () => {
  const page = readFileSync('docs/commands.md', 'utf8');
  const commands = [...readFileSync('src/main.ts', 'utf8').matchAll(/\.command\('(\w+)/g)].map(([, name]) => name);
  assert.ok(commands.length > 5);
  assert.deepEqual(
    commands.filter((name) => !page.includes(`\`tapscope ${name}`)),
    [],
  );
});

test('SECURITY.md names tests that exist, and says where there is none', () => {
  const page = readFileSync('SECURITY.md', 'utf8');
  const tests = [...page.matchAll(/`((?:src|lab)\/[^`]*\.test\.ts)`/g)].map(([, path = '']) => path);
  assert.ok(tests.length > 15);
  assert.deepEqual(
    tests.filter((path) => !existsSync(path)),
    [],
  );
  const withoutTest = page.split('\n').filter((line) => /^\|.*\| – \|$/.test(line));
  assert.deepEqual(
    withoutTest.filter((line) => !line.includes('| open: ')),
    [],
  );
});

test('docs/stability.md has the schema numbers of docs/schema, and the product writes these', () => {
  const page = readFileSync('docs/stability.md', 'utf8');
  const schema = JSON.parse(readFileSync('docs/schema/tapscope.schema.json', 'utf8'));
  const rows = [...page.matchAll(/^\| (`.*`)[^|]*\| (\d+) \|$/gm)].map(([, names = '', number]) => [
    names.match(/\w+(?=`)/g),
    Number(number),
  ]);
  const documents = Object.entries<{ properties?: { schema?: { const: number } } }>(schema.$defs).flatMap(
    ([name, { properties }]) => (properties?.schema === undefined ? [] : [[name, properties.schema.const] as const]),
  );
  assert.ok(documents.length >= 8);
  for (const [name, number] of documents)
    assert.ok(
      rows.some(([names, told]) => Array.isArray(names) && names.includes(name) && told === number),
      `${name} ${number}`,
    );
  assert.ok(page.includes(schema.$id));
  assert.equal(schema.$defs.drops.properties.schema.const, DROPS_SCHEMA);
});
