// SPDX-License-Identifier: Apache-2.0
// A verdict for the person on call: the first line is the answer, and what is to be pasted stands alone on its line.

import type { Finding, Remedy } from '../diagnosis/finding.ts';
import { count, namespaceIn, several } from '../diagnosis/format.ts';
import type { Verdict } from '../diagnosis/judge.ts';
import type { AskedVerdict } from '../diagnosis/judge-asked.ts';
import { ASKED_PRICE, type Ledger, type LedgerRow, UNDER_WAY } from '../diagnosis/ledger.ts';
import { isMeantLoss } from '../diagnosis/order.ts';
import { queuesTogether } from '../diagnosis/queue-groups.ts';
import { tapscope } from '../own-command.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { priceOf, titleOf } from './remedy-text.ts';
import { counted, type Layout, linkRule, paint, type Style, wrap } from './terminal-text.ts';

export interface Judged extends AskedVerdict {
  /** Names of VMs, pods, containers, units and namespaces are pseudonyms. */
  readonly isRenamed: boolean;
  readonly host: { readonly kernel: string; readonly version: string };
  /** Why the agent that runs here was not asked: 'the agent (pid 7) is stopped …'; undefined: it was, or none runs. */
  readonly agentSilence?: string | undefined;
  /** How old the judgement is, where the agent is late: 'judged 9 s ago: the agent gets no CPU (load 41)'; undefined: it is of now. */
  readonly late?: string | undefined;
}

const STYLES: Readonly<Record<string, Style>> = {
  critical: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: ['bold', 'cyan'],
  unknown: ['bold', 'magenta'],
  ok: ['bold', 'green'],
};

/** The most findings in full, most others, and most lines of each, so that one fits a terminal; --json has all. */
const MOST = { findings: 4, others: 12, evidence: 5, remedies: 3, rejected: 4 };

const RENAMED =
  'Names of VMs, pods, containers, units and namespaces are replaced in this recording: type those of its host instead.';

export function renderVerdict(judged: Judged, layout: Layout): string {
  const { status, verdict } = judged;
  const all = queuesTogether(verdict.findings, judged.last);
  const findings = all.slice(0, MOST.findings).map((finding) => renderFinding(finding, judged.last, layout));
  const others = all.slice(MOST.findings).map(inShort);
  const isSaid = status === 'critical' || status === 'warning';
  const { agentSilence } = judged;
  const silent =
    agentSilence !== undefined && isSaid
      ? headline(status, `${agentSilence}. So this command looked itself.`, layout)
      : [];
  const summary = isSaid ? [] : [headline(status, inGeneral(judged), layout)];
  const also = list('Also:', few(others, MOST.others), layout);
  const names = judged.isRenamed ? wrap(RENAMED, layout.width) : [];
  const isInSummary = !isSaid && judged.inconclusive.length === 1;
  const inconclusive = isInSummary ? [] : list('Inconclusive:', few(judged.inconclusive, MOST.others), layout);
  return `${[
    silent,
    ...summary,
    ...findings,
    also,
    inconclusive,
    renderUnjudged(verdict, layout),
    renderLedger(judged, layout),
    names,
    renderWatch(judged, layout),
  ]
    .filter((rows) => rows.length > 0)
    .map((rows) => rows.join('\n'))
    .join('\n\n')}\n`;
}

/** How the word of a status or severity is painted. */
export function styleOf(word: string): Style {
  return STYLES[word] ?? 'bold';
}

/** A word in the colour of its severity, and a sentence. */
function headline(severity: string, sentence: string, layout: Layout): readonly string[] {
  const [first = '', ...others] = wrap(visible(`${severity.toUpperCase()}: ${sentence}`), layout.width);
  const word = severity.length + 1;
  return [paint(layout, styleOf(severity), first.slice(0, word)) + first.slice(word), ...others];
}

/** The answer where no finding is the answer. */
function inGeneral({ status, verdict, inconclusive, devices, seconds, agentSilence }: Judged): string {
  const queues = devices.reduce((sum, device) => sum + device.queues.length, 0);
  const seen = `${counted(queues, 'queue')} of ${counted(devices.length, 'device')} watched for ${Math.round(seconds)} s`;
  const lossy = [...new Set(verdict.findings.filter(isMeantLoss).map(({ device }) => device))];
  if (status === 'ok' && lossy.length > 0)
    return `${seen}, no fault; but ${lossy.length === 1 ? `${lossy[0]} loses` : `${counted(lossy.length, 'device')} lose`} packets, see below.`;
  const known = verdict.findings.length > 0 ? `; ${counted(verdict.findings.length, 'thing')} to know below` : '';
  if (status === 'ok') return `${seen}, nothing to do${known}.`;
  const blind = verdict.unjudged.length > 0 ? `${counted(verdict.unjudged.length, 'rule')} could not judge` : '';
  const degraded = verdict.findings.some((finding) => finding.degraded.length > 0) ? 'figures are not exact' : '';
  const [one, ...others] = inconclusive;
  const short = one === undefined ? '' : `${one}${others.length > 0 ? `, and ${others.length} more` : ''}`;
  const [doubt = ''] = verdict.findings.flatMap(({ doubts = [] }) => doubts);
  return `${seen} without finding a fault, but ${[agentSilence, short, blind, degraded, doubt].filter(Boolean).join(' and ')}${known}.`;
}

export function renderFinding(finding: Finding, last: Snapshot, layout: Layout): readonly string[] {
  const { severity, cause, evidence, remedies, rejected, degraded, doubts = [], rule, confidence } = finding;
  return [
    ...headline(severity, cause, layout),
    ...startingWith(
      rule,
      wrap(visible(`${rule}, ${subjectOf(finding, last)}confidence ${confidence}`), layout.width),
      layout,
    ),
    ...list('Seen:', few(evidence, MOST.evidence), layout),
    ...remedies.slice(0, MOST.remedies).flatMap((remedy, index) => renderRemedy(remedy, index, layout)),
    ...list(
      'Not:',
      few(
        rejected.map((one) => `${one.rule}: ${one.because}`),
        MOST.rejected,
      ),
      layout,
    ),
    ...list('In doubt:', doubts, layout),
    ...list('Figures are not exact:', degraded, layout),
  ];
}

/** The rule is a link, unless its row is too narrow for its name. */
function startingWith(rule: string, [first = '', ...others]: readonly string[], layout: Layout): readonly string[] {
  const name = visible(rule);
  return first.startsWith(`${name},`)
    ? [linkRule(layout, rule) + first.slice(name.length), ...others]
    : [first, ...others];
}

function inShort({ severity, rule, device = 'the agent', queue }: Finding): string {
  return `${severity} ${rule}: ${device}${queue === undefined ? '' : ` queue ${queue}`}`;
}

/** 'tap0 queue 1 of VM web1 (qemu, pid 7) in namespace blue, '; '' for the agent itself. */
function subjectOf({ device, netns, queue }: Finding, last: Snapshot): string {
  if (device === undefined) return '';
  const seen = last.devices.find((one) => one.name === device && (netns === undefined || one.netns === netns));
  const owners = seen?.queues.flatMap((one) => (queue === undefined || one.index === queue ? (one.owner ?? []) : []));
  const owner = owners?.[0] ? ` of ${whose(owners[0])}` : '';
  const namespace = netns === undefined ? '' : ` in namespace ${namespaceIn(netns, last.agent)}`;
  return `${device}${queue === undefined ? '' : ` queue ${queue}`}${owner}${namespace}, `;
}

/** The command stands first and has no end within: a terminal wraps it, and what is marked from its first letter on is what is typed. */
function renderRemedy(remedy: Remedy, index: number, layout: Layout): string[] {
  const { command, effect } = remedy;
  const title = `${titleOf(remedy, index)}:`;
  const says = `${effect} [${priceOf(remedy)}]`;
  if (command === undefined) return [...list(title, [says], layout)];
  const [first = '', ...others] = visible(command)
    .split('\n')
    .map((line) => paint(layout, 'bold', line));
  const indent = indentOf(title, layout);
  return [
    indent > title.length ? title.padEnd(indent) + first : `${title}\n${first}`,
    ...others,
    ...wrap(visible(says), layout.width, ' '.repeat(indent)),
  ];
}

/** Items one below the other, beside their title where there is room. */
function list(title: string, items: readonly string[], layout: Layout): readonly string[] {
  if (items.length === 0) return [];
  const { width } = layout;
  const indent = indentOf(title, layout);
  const [first = '', ...others] = items.flatMap((item) => wrap(visible(item), width, ' '.repeat(indent)));
  return indent > title.length ? [title + first.slice(title.length), ...others] : [title, first, ...others];
}

function indentOf(title: string, { width }: Layout): number {
  return width < 40 || title.length > 6 ? 2 : 7;
}

function few(items: readonly string[], most: number): readonly string[] {
  return items.length <= most ? items : [...items.slice(0, most - 1), `and ${items.length - most + 1} more (--json)`];
}

/** All that was lost has one cause, and the finding has the figure already. */
function hasNothingToAdd({ ledger, status }: Judged): boolean {
  if (!ledger || status === 'ok' || status === 'unknown') return false;
  const { to, from, refused } = ledger;
  const lost = [...to.rows, ...from.rows, ...refused].filter(({ isLost }) => isLost);
  return lost.length <= 1 && Math.max(to.unaccounted, from.unaccounted) <= UNDER_WAY;
}

/** Why no ledger stands above, for those who asked about devices; '': one does, or all of the host was asked about. */
function whyNoLedger(judged: Judged): string {
  const { ledger, devices, last } = judged;
  if (hasNothingToAdd(judged)) return ' Nothing else was lost: --json has its ledger.';
  if (ledger || devices.length === last.devices.length) return '';
  return devices.length === 1 ? ' Its counters were not read: no ledger.' : ' Of one device alone a ledger is shown.';
}

/** Figures that add up, the largest first. */
function renderLedger(judged: Judged, layout: Layout): readonly string[] {
  const { ledger } = judged;
  if (!ledger || hasNothingToAdd(judged)) return [];
  const { to, from, refused } = ledger;
  const all = [to, from].flatMap(({ rows, unaccounted }) => [...rows, { packets: unaccounted }]).concat(refused);
  const room = Math.max(...all.map(({ packets }) => count(packets).length));
  const rowsOf = (rows: readonly LedgerRow[]): readonly string[] =>
    rows
      .toSorted((a, b) => b.packets - a.packets)
      .flatMap(({ fate, packets }) => wrap(visible(fate), layout.width, `  ${count(packets).padStart(room)} `));
  const column = (title: string, { total, rows, unaccounted }: Ledger['to']): readonly string[] => [
    `${title}: ${several(total, 'packet')}`,
    ...rowsOf(
      unaccounted > 0
        ? [...rows, { fate: unaccounted > UNDER_WAY ? 'without a known fate' : 'under way', packets: unaccounted }]
        : rows,
    ),
  ];
  return [
    ...column('To it', to),
    ...column('From it', from),
    ...(refused.length > 0 ? ['From it, and refused by tun:', ...rowsOf(refused)] : []),
  ];
}

function renderUnjudged({ unjudged }: Verdict, layout: Layout): readonly string[] {
  const reasons = [...new Set(unjudged.map(({ because }) => because))];
  const rulesOf = (reason: string): string =>
    unjudged.flatMap(({ rule, because }) => (because === reason ? [rule] : [])).join(', ');
  return list(
    'Not judged:',
    reasons.map((reason) => `${rulesOf(reason)}: ${reason}`),
    layout,
  );
}

function renderWatch(judged: Judged, layout: Layout): readonly string[] {
  const { verdict, host, last, seconds, ledger } = judged;
  const until = `${new Date(last.takenAt * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const rule = verdict.findings[0]?.rule;
  const more = rule === undefined ? '' : ` '${tapscope(`explain ${rule}`)}' tells more.`;
  const price = ledger
    ? ` Each packet of the host cost up to ${ASKED_PRICE.packet} instructions more meanwhile, one that a bridge sent on ${count(ASKED_PRICE.bridged)}.`
    : '';
  const said = `Watched for ${seconds.toFixed(0)} s until ${until}, Linux ${host.kernel}, tapscope ${host.version}.${whyNoLedger(judged)}${price}${more}`;
  return wrap(visible(said), layout.width);
}
