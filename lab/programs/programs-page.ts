// SPDX-License-Identifier: Apache-2.0
// docs/programs.md: which programs were asked what, every case with its verdict, and what failed.
import { markdown } from '../report/report.ts';
import { CASES } from './cases/all-cases.ts';
import { lostIn, type Outcome, type Result } from './diagnose-answer.ts';
import type { Part, PartName, Parts, TableRow } from './part.ts';
import { CHECKS } from './program.ts';

const CASE_COUNT = CASES.reduce((sum, { programs }) => sum + programs.length, 0);

const TITLES: Readonly<Record<PartName, string>> = {
  table: 'Owner, reader, exact figures',
  idle: 'Cases without loops beside them',
  busy: 'Cases beside loops that compute',
};

/** What the load was, and not what it was meant to be. */
function headingOf(name: PartName, { loads }: Part): string {
  const [begin, end] = loads.map((one) => one.toFixed(0));
  return `${TITLES[name]}: load average ${begin} at begin, ${end} at end`;
}

/** `page`: as it was written before. A part that has not run since keeps its section, which says when and of which commit. */
export function report(parts: Parts, page = ''): string {
  const { table, idle, busy } = parts;
  const sections: Readonly<Record<PartName, string | undefined>> = {
    table: table && tableSection(table),
    idle: idle && section(headingOf('idle', idle), idle),
    busy: busy && section(headingOf('busy', busy), busy),
  };
  const shown = (name: PartName): string =>
    sections[name] ?? sectionIn(page, TITLES[name]) ?? `## ${TITLES[name]}\n\nIt has not run.\n`;
  return `# Real programs

Written by \`npm run test:programs\`. Each program runs in network namespaces of its own, with iperf3, UDP and ping; what it counts itself, and what the kernel counts, is the truth.
Linux 6.18 of the machine that wrote this refuses fentry: tapscope counts there by raw tracepoints.

${shown('table')}
${shown('idle')}
${shown('busy')}`;
}

function sectionIn(page: string, title: string): string | undefined {
  const text = page.split('\n## ').find((section) => section.startsWith(title));
  return text === undefined ? undefined : `## ${text.trimEnd()}\n`;
}

function tableSection(part: Part): string {
  return `## ${TITLES.table}

* **owner**: process, program and VM are those that hold every queue.
* **reader**: the thread shown is the one whose count of read calls grew (\`/proc/PID/task/TID/io\`); where several take turns, none is shown, or one of them.
* **exact UDP, exact TCP**: delivered, dropped and offered as shown are the kernel's \`tx_packets\`, \`tx_dropped\` and their sum; nothing is marked inexact; the program's own count agrees where it has one;
  with TCP, \`diagnose\` and \`check\` answer OK besides, while an iperf3 stream runs at a rate at which nothing is lost.
  Where there are several queues, the device is compared; packets that only the kernel counted belong to none of its queues, and the row says how many.

${provenance(part)}

${tableOf(part.rows)}
`;
}

function provenance({ kernel, date, commit, minutes, loads, remark }: Part): string {
  const load = loads.map((one) => one.toFixed(0)).join(' and ');
  return `On ${date.slice(0, 16).replace('T', ' ')} UTC in ${minutes.toFixed(0)} minutes, on Linux ${kernel}, of commit ${commit}, with a load average of ${load} at begin and end.${remark ? ` ${remark}` : ''}`;
}

function tableOf(rows: readonly TableRow[]): string {
  const lines = rows.map(({ program, from, cannot, skipped, results }) => {
    const cells = CHECKS.map((check) => {
      const found = results.find((one) => one.check === check);
      const reason = cannot[check];
      if (reason !== undefined) return `– (${cell(reason)})`;
      if (!found) return '–';
      return found.wrong.length === 0 ? `yes: ${cell(found.seen)}` : `**no**: ${cell(found.wrong.join('; '))}`;
    });
    const rest = skipped === undefined ? cells : [`skipped: ${cell(skipped)}`, '–', '–', '–'];
    return [program, cell(from), ...rest];
  });
  return markdown([['program', 'from', ...CHECKS], ...lines], 6);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').slice(0, 400);
}

/** The share that the issue asks for is of faults that happened. */
function scoreOf(results: readonly Result[]): Readonly<Record<Outcome, number>> {
  const count = (outcome: Outcome): number => results.filter((one) => one.outcome === outcome).length;
  return {
    right: count('right'),
    wrong: count('wrong'),
    silent: count('silent'),
    'wrong OK': count('wrong OK'),
    healthy: count('healthy'),
    unknown: count('unknown'),
    'false alarm': count('false alarm'),
    'did not happen': count('did not happen'),
  };
}

function section(title: string, part: Part): string {
  const { loops, results } = part;
  const score = scoreOf(results);
  const faults = score.right + score.wrong + score.silent + score['wrong OK'];
  const healthy = score.healthy + score.unknown + score['false alarm'];
  const share = ((100 * score.right) / Math.max(1, faults)).toFixed(0);
  return `## ${title}

${provenance(part)} ${results.length} of ${CASE_COUNT} cases${loops === 0 ? '' : `, beside ${loops} loops of nice 0 that compute`}.${results.length < CASE_COUNT ? ' **The others were not played, and the shares below say nothing of them.**' : ''}
Of ${faults} faults **${score.right} (${share} %) had the right cause first**, ${score.wrong} another, ${score.silent} none; **${score['wrong OK']} answered OK while packets were lost**.
Of ${healthy} healthy hosts ${score.healthy} were OK, ${score.unknown} unknown, **${score['false alarm']} raised a false alarm**. ${score['did not happen']} cases did not happen.

${markdown(
  [
    ['case', 'program', 'outcome', 'lost of sent', 'said first', 'expected'],
    ...results.toSorted((a, b) => a.name.localeCompare(b.name) || a.program.localeCompare(b.program)).map(row),
  ],
  [0, 1, 2, 4, 5],
)}
`;
}

function row(result: Result): readonly string[] {
  const { name, program, outcome, expected, truth, failure } = result;
  const shown = isFine(outcome) ? outcome : `**${outcome}**`;
  const lost = truth ? `${lostIn(truth)} of ${truth.sent}` : '';
  return [name, program, shown, lost, cell(failure ?? saidOf(result)), expected?.join(' or ') ?? 'OK'];
}

function isFine(outcome: Outcome): boolean {
  return outcome === 'right' || outcome === 'healthy';
}

function saidOf({ diagnosed, checked, outcome }: Result): string {
  const from = outcome === 'false alarm' && diagnosed?.verdict === 'ok' ? checked : diagnosed;
  const first = from?.findings[0];
  const cause = isFine(outcome) || !first ? '' : ` (${first.cause})`;
  return `${from?.verdict ?? ''}${first ? `: ${first.rule}${cause}` : ''}`;
}

/** While it runs. */
export function caseLine(result: Result): string {
  const { program, name, outcome, truth, failure } = result;
  const lost = truth ? `lost ${lostIn(truth)} of ${truth.sent} (tx_dropped ${truth.txDropped})` : '';
  return `${outcome.padEnd(14)} ${program}: ${name}: ${failure ?? saidOf(result)} ${lost}`;
}
