// SPDX-License-Identifier: Apache-2.0
// Two reports side by side: what their hosts were, each figure of both, and the judgement.
import type { FigureDifference, Judgement } from '../against.ts';
import type { Against } from '../baseline.ts';
import { areInTurn } from '../repeats.ts';
import type { SavedReport } from '../saved-report.ts';
import { showSpread } from './bench-table.ts';
import { slowdownText } from './host-text.ts';
import type { Table } from './table.ts';

/** The first line is the answer; the last ones say what it rests on. */
export function againstTables({ file, before, after, figures }: Against): {
  readonly answer: string;
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
} {
  return {
    answer: `Against ${file}: ${answerOf(figures)}`,
    tables: [hostTable(before, after), figureTable(figures)],
    notes: [
      'differs: the medians by 3 % or more, and by a permutation test of the ranks of all repeats, with Holm’s correction for all figures, 1 comparison of 100 shows a difference by chance.',
      areInTurn(before, after) === true
        ? 'The repeats of both were measured in turn, so what else the host did is in both.'
        : 'The repeats of both were measured one after the other, not in turn: if the host was busier in one of the two, that is a part of each difference. Compare in both orders, or measure in turn with --repeats 1 --save.',
    ],
  };
}

function answerOf(figures: readonly FigureDifference[]): string {
  const count = (kind: Judgement['kind']): number => figures.filter(({ judgement }) => judgement.kind === kind).length;
  const [differ, judged] = [count('differs'), count('differs') + count('no-difference')];
  const rest = figures.length - judged;
  const unjudged = rest === 0 ? '' : ` ${rest} of ${figures.length} figures could not be judged.`;
  if (judged === 0) return 'nothing could be judged.';
  return differ === 0
    ? `no difference shown in ${judged} figures.${unjudged}`
    : `${differ} of ${judged} figures ${differ === 1 ? 'differs' : 'differ'}.${unjudged}`;
}

function hostTable(before: SavedReport, after: SavedReport): Table {
  const facts: readonly (readonly [string, (report: SavedReport) => string])[] = [
    ['kernel', ({ kernel }) => `Linux ${kernel}`],
    ['CPU', ({ host, cpus }) => `${host.cpuModel}, ${cpus} online`],
    ['slowdowns', ({ host }) => slowdownText(host)],
    ['guests', ({ guests }) => (guests ? guestText(guests) : 'none')],
    ['another agent', ({ agentRuns }) => (agentRuns ? 'ran' : 'none')],
    ['tapscope', ({ version }) => version],
  ];
  return {
    title: 'Hosts',
    header: ['', 'before', 'after'],
    rows: facts.map(([name, of]) => [name, of(before), of(before) === of(after) ? 'the same' : of(after)]),
  };
}

function guestText({ kernel, kvm, vhost }: NonNullable<SavedReport['guests']>): string {
  return `Linux ${kernel}, ${kvm ? 'KVM' : 'emulated'}, vhost-net ${vhost ? 'on' : 'off'}`;
}

function figureTable(figures: readonly FigureDifference[]): Table {
  return {
    title: 'Medians (least–most)',
    header: ['cell', 'figure', 'before', 'after', 'change', 'judgement'],
    rows: figures.map(({ cell, figure, before, after, change, judgement }) => [
      cell,
      figure,
      ...[before, after].map((side) => (side ? showSpread(side) : '–')),
      changeText(change),
      judgementText(judgement),
    ]),
  };
}

function changeText(change: number | undefined): string {
  if (change === undefined) return '–';
  if (!Number.isFinite(change)) return 'from 0';
  return `${change < 0 ? '−' : '+'}${(100 * Math.abs(change)).toFixed(1)} %`;
}

function judgementText(judgement: Judgement): string {
  switch (judgement.kind) {
    case 'differs':
      return `differs (p ${judgement.chance.toPrecision(1)})`;
    case 'no-difference':
      return 'no difference shown';
    case 'too-few':
      return `too few repeats: ${judgement.needed} of both are needed`;
    case 'not-measured':
      return `not measured ${judgement.when}`;
    case 'wrong':
      return `counts did not agree ${judgement.when}`;
  }
}
