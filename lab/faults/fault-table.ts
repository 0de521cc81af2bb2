// SPDX-License-Identifier: Apache-2.0
// What playing the faults showed, as the table of docs/reliability.md.
import { median } from '../../test/host/percentile.ts';
import { markdown, milliseconds } from '../report/report.ts';
import type { Played } from './fault.ts';

const HEADER = ['fault', 'rounds', 'wrong, unmarked', 'marked', 'left behind', 'recovery p50', 'max', 'command'];
const FAILED = ' (failed)';

export function faultTable(faults: readonly Played[]): string {
  return tableOf(
    faults.map(({ name, rounds }) => {
      const times = rounds.map(({ recoveryMs }) => recoveryMs);
      const marked = rounds.filter(({ isMarked }) => isMarked).length;
      const wrong = rounds.reduce((sum, round) => sum + round.wrong, 0);
      const left = rounds.reduce((sum, round) => sum + round.left.length, 0);
      const failed = rounds.some(({ failure }) => failure !== undefined);
      const numbers = [rounds.length, wrong, marked, left].map(String);
      return [
        failed ? `${name}${FAILED}` : name,
        ...numbers,
        milliseconds(median(times)),
        milliseconds(Math.max(...times)),
      ];
    }),
  );
}

/** The table with those rows that were played anew; rows that it does not have come last. */
export function renewed(before: string, table: string): string {
  const rows = new Map([...rowsOf(before), ...rowsOf(table)].map((cells) => [cells[0]?.replace(FAILED, ''), cells]));
  return tableOf([...rows.values()]);
}

/** Plays this fault alone. */
function commandOf(name: string): string {
  return `\`npm run test:faults -- '${name.replace(FAILED, '')}'\``;
}

/** The rows of the table, without the header and the commands. */
function rowsOf(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .slice(0, HEADER.length - 1),
  );
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const rounds = rows.reduce((sum, [, count]) => sum + Number(count), 0);
  const bad = rows.filter(([name, , wrong, , left]) => name?.endsWith(FAILED) || wrong !== '0' || left !== '0').length;
  const total = `${rows.length} faults in ${rounds} rounds, of them not as they should be: ${bad}.`;
  const whole = rows.map((cells) => [...cells, commandOf(cells[0] ?? '')]);
  return `${markdown([HEADER, ...whole])}\n\n${total}`;
}

/** What a line of the table cannot hold, for the terminal. */
export function complaints({ name, rounds }: Played): readonly string[] {
  return rounds.flatMap(({ wrong, left, failure }, round) =>
    [
      ...(wrong === 0 ? [] : [`wrong by ${wrong} packets`]),
      ...(left.length === 0 ? [] : [`left behind: ${left.join(', ')}`]),
      ...(failure === undefined ? [] : [failure]),
    ].map((text) => `${name}, round ${round + 1}: ${text}`),
  );
}
