// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The way of one drop, as CONTRIBUTING.md lists it: few files, each joined to those before it by what it imports, includes or names, with the
// functions to look for.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const MOST_FILES = 22;

const page = readFileSync('CONTRIBUTING.md', 'utf8');
const section = /## The way of one drop\n([\s\S]*?)\n## /.exec(page)?.[1] ?? '';
const files = [...section.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = '']) => file);

/** Imports and includes, types of the snapshot among them, and files that comments name. */
function namedBy(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  const imports = [...text.matchAll(/ from '(\.[^']+)'/g)].map(([, path = '']) => normalize(join(dirname(file), path)));
  const includes = [...text.matchAll(/#include "([^"]+)"/g)].map(([, path = '']) => join('bpf', path));
  return [...imports, ...includes, ...(text.match(/\bbpf\/[\w/-]+\.bpf\.[ch]\b/g) ?? [])];
}

function areJoined(one: string, other: string): boolean {
  const [ofOne, ofOther] = [namedBy(one), namedBy(other)];
  const both = ofOne.filter((path) => path.startsWith('src/snapshot/') && ofOther.includes(path));
  return ofOne.includes(other) || ofOther.includes(one) || both.length > 0;
}

test(`it has at most ${MOST_FILES} files, which exist`, () => {
  assert.ok(files.length > 10 && files.length <= MOST_FILES, `${files.length} files`);
  assert.deepEqual(
    files.filter((file) => !existsSync(file)),
    [],
  );
});

test('each file is joined to one before it', () => {
  const alone = files.slice(1).filter((file, place) => !files.slice(0, place + 1).some((one) => areJoined(one, file)));
  assert.deepEqual(alone, []);
});

test('each function that it names is there, in a file that it names', () => {
  const named = [...section.matchAll(/`((?:bpf|src)\/[\w./-]+)`/g)].map(([, file = '']) => readFileSync(file, 'utf8'));
  const functions = [...section.matchAll(/`(?:\w+\.)?(#?\w+)\(\)`/g)].map(([, name = '']) => name);
  assert.ok(functions.length > 15, `${functions.length} functions`);
  // Defined there: a type stands before it in C, and a word or nothing in TypeScript.
  const isIn = (text: string, name: string): boolean =>
    new RegExp(`^(?:\\t*|.*[ *])${name}\\((?:.*[{),])?$`, 'm').test(text);
  assert.deepEqual(
    functions.filter((name) => !named.some((text) => isIn(text, name))),
    [],
  );
});
