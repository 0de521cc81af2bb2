// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/kernel-types/main.ts OLD NEW: what two kernels differ by, of that which tapscope needs. Each is a series of the lab (7.3) or
// a file: a vmlinux, or types as /sys/kernel/btf/vmlinux. With --write and without kernels: those that are tested, in docs/kernels.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program, type Scope } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { SERIES } from '../vm/series.ts';
import { differences } from './differences.ts';
import { readKernel } from './kernel-files.ts';
import { readNeeds } from './needs.ts';
import { askedText, typesReport } from './types-report.ts';

async function main(words: readonly string[], t: Scope): Promise<void> {
  const write = words.includes('--write');
  const named = words.filter((word) => word !== '--write');
  if (named.length !== (write ? 0 : 2))
    throw new Error(
      'Usage: npx tsx lab/kernel-types/main.ts OLD NEW, each a series of the lab or a file; or --write alone.',
    );
  const [first = '', ...others] = write ? SERIES : named;
  let before = await readKernel(first, t);
  const needs = readNeeds(before.file);
  const parts = [`Of ${askedText(needs)}:`];
  for (const word of others) {
    const after = await readKernel(word, t);
    const found = differences(needs, before.types, after.types);
    parts.push(typesReport(before.name, after.name, found, quotedInSources()));
    before = after;
  }
  const text = parts.join('\n\n');
  console.log(text);
  if (write) writeSection('types', text);
}

/** Words that may be reasons. */
function quotedInSources(): ReadonlySet<string> {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  const texts = files.map((name) => readFileSync(join('src', name), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(/'([A-Z][A-Z0-9_]+)'/g)].map(([, name = '']) => name)));
}

await program(main);
