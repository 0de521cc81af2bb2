// SPDX-License-Identifier: Apache-2.0
// What two kernels differ by, in Markdown.
import { markdown } from '../report/report.ts';
import type { Difference } from './differences.ts';
import type { Needs } from './needs.ts';

const ABSENT = '–';
const TEXT_COLUMNS = 4;

export function askedText({ functions, tracepoints, types, fields, enumValues }: Needs): string {
  return `${functions.length} functions, ${tracepoints.length} tracepoints, ${types.length} types, ${fields.length} fields and ${enumValues.length} enum values that programs use, and all drop reasons`;
}

/** `named`: drop reasons that the sources name. */
export function typesReport(
  before: string,
  after: string,
  found: readonly Difference[],
  named: ReadonlySet<string>,
): string {
  const rows = found
    .filter(({ what }) => what !== 'drop reason')
    .map(({ what, name, before: old, after: young }) => [what, `\`${name}\``, old ?? ABSENT, young ?? ABSENT]);
  const reasons = found.filter(({ what }) => what === 'drop reason');
  const list = (title: string, some: readonly Difference[]): readonly string[] =>
    some.length === 0 ? [] : ['', `${title}: ${some.map(({ name }) => reasonText(name, named)).join(', ')}.`];
  return [
    `**${before} → ${after}**: ${found.length === 0 ? 'nothing differs.' : `${found.length} differ.`}`,
    ...(rows.length > 0 ? ['', markdown([['', 'name', before, after], ...rows], TEXT_COLUMNS)] : []),
    ...list(
      'Drop reasons that came',
      reasons.filter((one) => one.before === undefined),
    ),
    ...list(
      'Drop reasons that went',
      reasons.filter((one) => one.after === undefined),
    ),
  ].join('\n');
}

function reasonText(name: string, named: ReadonlySet<string>): string {
  return named.has(name) ? `**\`${name}\`**` : `\`${name}\``;
}
