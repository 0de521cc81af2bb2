// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Facts about every source file: its licence, which rules import which, what the addon and the product do not name, exact dependencies.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const folders = ['addon', 'bench', 'bpf', 'dashboards', 'deploy', 'lab', 'src', 'test'];
const sources = folders
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((file) => /\.(ts|mjs|c|h|cc|hh)$/.test(file))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

test('every source file begins with its licence', () => {
  // The kernel's own style has a block comment in headers.
  const notice = /^(?:#!.*\n)?(?:\/\/|\/\*) SPDX-License-Identifier: (.*?)(?: \*\/)?\n/;
  const wrong = sources.filter(({ path, text }) => {
    const runsInKernel = path.includes('.bpf.');
    return notice.exec(text)?.[1] !== (runsInKernel ? 'GPL-2.0-only OR BSD-2-Clause' : 'Apache-2.0');
  });
  assert.ok(sources.length > 500);
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('a file of src/diagnosis/rules exports the rule of its name, and imports no other rule', () => {
  const rules = sources.filter(({ path }) => /^src\/diagnosis\/rules\/(?!.*\.test\.ts)/.test(path));
  assert.ok(rules.length > 20);
  const wrong = rules.filter(({ path, text }) => {
    const name = basename(path, '.ts').replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const exported = [...text.matchAll(/^export (?:const|function|interface|type|class) (\w+)/gm)].map(
      ([, one]) => one,
    );
    return exported.join() !== name || /from '\.\/(?!rule\.ts)/.test(text);
  });
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('code asks what is known by capability, not by the name of a mechanism', () => {
  const compares = /mechanism\([^)]*\)( \?\? '\w*'\))?\s*[!=]==? ['"`]|includes\([^)]*\.mechanism\(/;
  const wrong = sources.filter(
    ({ path, text }) => path.startsWith('src/') && !path.endsWith('.test.ts') && compares.test(text),
  );
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('the addon knows no probe, metric or struct of ours', () => {
  const ours = /\b(?:tapscope_[a-z]+|tun_\w+|tap_\w+|vhost\w*|kfree_skb|consume_skb|ptr_ring\w*|net_dev\w*|sk_buff)\b/;
  const wrong = sources.filter(({ path, text }) => /^addon\/.*\.(cc|hh)$/.test(path) && ours.test(text));
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('dependencies are exact, and the lock file names no registry', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    assert.match(String(version), /^\d+\.\d+\.\d+$/, name);
  assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved"/);
});
