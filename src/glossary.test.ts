// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The glossary explains the words of the code that an engineer of another project would not know, and no others.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const page = readFileSync('docs/glossary.md', 'utf8');
const words = [...page.matchAll(/^\| ([^|]+?) \| .+ \|$/gm)].map(([, word = '']) => word).slice(1);

/** Words of headers in bpf/ and of types in src/ that are private to this project, or have a narrower sense here. */
const PRIVATE =
  `at rest, audit, budget, burst, bypassed, capability, chain, counting process, degraded, detached, entering, episode, epoch, event,
  evidence, exact, finding, fixture, folded, form, guest, held, identity, inconclusive, lag, lane, lean, level, look, mark, mechanism, needed,
  observed from its start, offered, opening, opening tolerance, overflow, overflowed, own text, pace, probe, provisional, purged, remedy,
  renumbered, resized, ring, rival, row, rule, sample, scope, serving process, settled, shed, shred, snapshot, sojourn, span, tenant, test reader,
  thrown, tier, un-produced, unseen, untraced, verdict, wake, walk, window, word`.split(/,\s+/);

/** Source and documentation, as the reader of a word meets it. */
const texts = ['bpf', 'src', 'lab', 'test', 'docs'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|c|h|md)$/.test(file) && file !== 'glossary.md' && file !== 'glossary.test.ts')
    .map((file) => readFileSync(join(folder, file), 'utf8')),
);

test('each private word has an entry', () => {
  assert.deepEqual(
    PRIVATE.filter((word) => !words.includes(word)),
    [],
  );
});

test('each collector, the subject of a folder in src/collectors, has an entry', () => {
  const folders = readdirSync('src/collectors', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.ok(folders.length > 10);
  assert.deepEqual(
    folders.map(({ name }) => name.replaceAll('-', ' ')).filter((word) => !words.includes(word)),
    [],
  );
});

test('each entry is a word that is in use, and stands in the order of the alphabet', () => {
  assert.ok(words.length > 80);
  const inUse = (word: string): boolean => {
    const pattern = new RegExp(`\\b${word.replace(/s$/, '').replaceAll(/[ -]/g, '[ -]?')}`, 'i');
    return texts.some((text) => pattern.test(text));
  };
  assert.deepEqual(
    words.filter((word) => !inUse(word)),
    [],
  );
  const order = (word: string): string => word.toLowerCase().replaceAll('-', ' ');
  assert.deepEqual(
    words,
    words.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)),
  );
});
