// SPDX-License-Identifier: Apache-2.0
// BENCHMARKS.md: a section for each `npm run bench:…`, which renews its own and leaves the others alone.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = join(dirname(fileURLToPath(import.meta.url)), '../../BENCHMARKS.md');

/** faults and soak: of docs/reliability.md; kernels: of docs/kernels.md; latency: of docs/overhead.md; napi: of docs/benchmarks.md; fleet: of docs/scale.md. */
type Section =
  | 'clocked'
  | 'cost'
  | 'faults'
  | 'fleet'
  | 'kernels'
  | 'latency'
  | 'napi'
  | 'scale'
  | 'scrape'
  | 'soak'
  | 'tables'
  | 'verdicts';

export function writeSection(section: Section, text: string): void {
  writeFileSync(file, replaceSection(existsSync(file) ? readFileSync(file, 'utf8') : '', section, text));
}

/** A section that was not there comes last. */
export function replaceSection(document: string, section: Section, text: string): string {
  const [begin, end] = [`<!-- bench:${section} -->\n`, `<!-- end of bench:${section} -->\n`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  const whole = `${begin}${text.trimEnd()}\n${end}`;
  if (from >= 0 && to >= from) return document.slice(0, from) + whole + document.slice(to + end.length);
  return document === '' ? whole : `${document.trimEnd()}\n\n${whole}`;
}
