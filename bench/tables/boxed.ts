// SPDX-License-Identifier: Apache-2.0
// The boxes that the mails draw around their tables.

/** A group's first column has no lines in it, as in the mail. */
export function boxed(
  header: readonly string[],
  groups: readonly (readonly (readonly string[])[])[],
  ruled: 'row' | 'group' = 'row',
): readonly string[] {
  const rows = [header, ...groups.flat()];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = '', ...rest] = widths.map((width) => '-'.repeat(width + 2));
  const edge = `+${[first, ...rest].join('+')}+`;
  const inner = `|${' '.repeat(first.length)}+${rest.join('+')}+`;
  return [
    edge,
    line(header),
    edge,
    ...groups.flatMap((group) => [
      ...group.flatMap((row, index) => (index === 0 || ruled === 'group' ? [line(row)] : [inner, line(row)])),
      edge,
    ]),
  ];
}
