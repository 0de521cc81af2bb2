// SPDX-License-Identifier: Apache-2.0
// A bench's report in the format that was asked for.

import type { BenchFormat } from '../../src/commands/bench.ts';
import { escapedJson } from '../../src/snapshot/visible.ts';
import type { Against } from '../baseline.ts';
import { type BenchReport, disagreements, perSecond, type Spread } from '../bench-report.ts';
import { againstTables } from './against-table.ts';
import { benchTables } from './bench-table.ts';
import type { Table } from './table.ts';

export function renderBench(report: BenchReport, format: BenchFormat, against?: Against): string {
  switch (format) {
    case 'text':
      return renderTables(report, textTable);
    case 'markdown':
      return renderTables(report, markdownTable);
    case 'csv':
      return renderCsv(report);
    case 'json':
      return reportJson(report, against);
  }
}

/** What `--save` keeps too. */
export function reportJson(report: BenchReport, against?: Against): string {
  const compared = against && { against: { file: against.file, figures: against.figures } };
  return `${escapedJson(JSON.stringify({ ...report, ...compared }, null, 2))}\n`;
}

/** Both reports side by side; JSON has it in the report. */
export function renderAgainst(against: Against, format: BenchFormat): string {
  const render = format === 'markdown' ? markdownTable : textTable;
  const { answer, tables, notes } = againstTables(against);
  return [answer, ...tables.flatMap((table) => ['', ...render(table)]), '', ...list(notes, render), ''].join('\n');
}

/** The first line is the answer: whether the numbers can be believed. */
export function verdict(report: BenchReport): string {
  const wrong = disagreements(report);
  const repeats = report.results.reduce((sum, { runs }) => sum + runs.length, 0);
  if (repeats === 0) return 'NOTHING could be measured on this host.';
  return wrong.length === 0
    ? `OK: in all ${repeats} runs the agent's counters equal those of pktgen, tc -s, the readers and the guests.`
    : `WRONG: ${wrong.length === 1 ? 'one number differs' : `${wrong.length} numbers differ`}; cells with ! are not to be believed.`;
}

function renderTables(report: BenchReport, render: (table: Table) => readonly string[]): string {
  const { tables, reasons } = benchTables(report.results);
  const { kernel, cpus, version, seconds, repeats, packetSize, ring, pinnedTo } = report;
  const watched = report.agentRuns ? ' An agent runs on this host: its probes cost each packet too.' : '';
  return [
    verdict(report),
    '',
    `Linux ${kernel}, ${cpus} CPUs, tapscope ${version}, whose probes are part of what each packet costs.${watched}`,
    `Medians of ${repeats} interleaved repeats of ${seconds} s (least–most). Packets of ${packetSize} bytes, rings of ${ring}; pinned: all readers on CPU ${pinnedTo}.`,
    ...tables.flatMap((table) => ['', ...render(table)]),
    ...(reasons.length > 0 ? ['', ...list(reasons, render)] : []),
    ...list(disagreements(report), render),
    '',
  ].join('\n');
}

/** Markdown joins lines that follow each other. */
function list(lines: readonly string[], render: (table: Table) => readonly string[]): readonly string[] {
  return render === markdownTable ? lines.map((line) => `* ${line}`) : lines;
}

function textTable({ title, header, rows }: Table): readonly string[] {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [title, line(header), ...rows.map(line)];
}

function markdownTable({ title, header, rows }: Table): readonly string[] {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [`**${title}**`, '', line(header), line(header.map(() => '---')), ...rows.map(line)];
}

function renderCsv({ results }: BenchReport): string {
  const figures = ['transmitted', 'lost', 'droppedBefore', 'uncopied'] as const;
  const parts = ['median', 'least', 'most'] as const satisfies readonly (keyof Spread)[];
  const header = [
    'cell',
    'repeats',
    ...figures.flatMap((figure) => parts.map((part) => `${figure}_per_second_${part}`)),
  ];
  const rows = results.map(({ cell, missing, runs }) => {
    const values = figures.flatMap((figure) => {
      const found = perSecond(runs, (run) => run[figure]);
      return parts.map((part) => (runs.length > 0 ? found[part].toFixed(1) : ''));
    });
    const wrong = runs.flatMap(({ disagreements: texts }) => texts).join('; ');
    return [cell.id, runs.length, ...values, quoted(missing ?? ''), quoted(wrong)].join(',');
  });
  return [[...header, 'not_on_this_host', 'disagreements'].join(','), ...rows, ''].join('\n');
}

function quoted(text: string): string {
  return text === '' ? '' : `"${text.replaceAll('"', '""')}"`;
}
