// SPDX-License-Identifier: Apache-2.0
// The check on one screen: the first line is the status as monitoring takes it, then one mark for each item.
import type { Finding } from '../diagnosis/finding.ts';
import { count, hiddenWords, namespaceIn } from '../diagnosis/format.ts';
import { queuesTogether } from '../diagnosis/queue-groups.ts';
import { unwatched } from '../diagnosis/unwatched.ts';
import { tapscope } from '../own-command.ts';
import type { DeviceOutline, SnapshotOutline } from '../snapshot/outline.ts';
import { visible } from '../snapshot/visible.ts';
import { type Stated, statusLine, whenSeen } from './first-line.ts';
import { counted, type Layout, linkRule, paint, type Style, wrap } from './terminal-text.ts';
import { styleOf } from './verdict.ts';

/** note: neither good nor bad. */
type Mark = 'good' | 'warning' | 'bad' | 'note';

interface Item {
  readonly mark: Mark;
  /** The rule of a finding. */
  readonly what: string;
  readonly text: string;
}

export interface Checked extends Stated {
  /** The agent on this host; undefined: none runs. */
  readonly agent: { readonly pid: number; readonly level: string; readonly lookSeconds?: number } | undefined;
  /** How many rules there are. */
  readonly rules: number;
}

const SIGNS: Readonly<Record<Mark, string>> = { good: '✓', warning: '‼', bad: '×', note: '–' };
const STYLES: Readonly<Record<Mark, Style>> = { good: 'green', warning: 'yellow', bad: 'red', note: 'dim' };
const MARKS = { critical: 'bad', warning: 'warning', info: 'note' } as const;
const COLUMN = 22;
/** More kinds of findings than this do not fit a screen. */
const MOST_KINDS = 8;
const MOST_NAMED = 4;

/** The first line is never wrapped: monitoring shows it. `perfdata`: what follows it behind a |; '': people read it. */
export function renderCheck(checked: Checked, items: readonly Item[], layout: Layout, perfdata = ''): string {
  const { width } = layout;
  const rules = new Set(checked.verdict.findings.map(({ rule }) => rule));
  const rows = items.flatMap(({ mark, what, text }) => {
    const head = `  ${what} `;
    const [first = '', ...others] =
      width < 2 * COLUMN
        ? wrap(visible(`${what}: ${text}`), width, '  ')
        : wrap(visible(text), width, head.padEnd(COLUMN));
    const row =
      rules.has(what) && first.startsWith(head) ? `  ${linkRule(layout, what)} ${first.slice(head.length)}` : first;
    return [paint(layout, STYLES[mark], SIGNS[mark]) + row.slice(1), ...others];
  });
  const said = statusLine(checked);
  const word = said.slice(0, said.indexOf(':'));
  const first = paint(layout, styleOf(word.toLowerCase()), `${word}:`) + said.slice(word.length + 1);
  return `${[first + (perfdata && `|${perfdata}`), '', ...rows.map((row) => row.replaceAll('|', '¦'))].join('\n')}\n`;
}

export function itemsOf(checked: Checked): readonly Item[] {
  const { verdict, last, devices, seconds } = checked;
  const kinds = kindsOf(queuesTogether(verdict.findings, last));
  const shown = kinds.slice(0, MOST_KINDS).flatMap((kind) => findingItem(kind, last));
  const hidden = kinds.length > MOST_KINDS ? `, and ${kinds.length - MOST_KINDS} more kinds of findings` : '';
  const quiet = checked.rules - verdict.unjudged.length - new Set(verdict.findings.map(({ rule }) => rule)).size;
  return [
    devicesItem(devices, last),
    probesItem(last, checked.agentSilence !== undefined && isBlind(last)),
    agentItem(checked),
    ...shown,
    { mark: 'good', what: 'other rules', text: `${quiet} found nothing${hidden}` },
    ...(verdict.unjudged.length > 0 && !(checked.agentSilence !== undefined && isBlind(last))
      ? [unjudgedItem(checked)]
      : []),
    ...pastItem(devices),
    {
      mark: 'note',
      what: 'not judged here',
      text: `what ${seconds.toFixed(1)} s do not show: rare bursts, what readers do over time; '${tapscope('diagnose')}' looks longer, and says what to type`,
    },
  ];
}

/** Groups findings of one rule and severity, in the order of the first of each group. */
function kindsOf(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const kinds = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.rule}`;
    kinds.set(key, [...(kinds.get(key) ?? []), finding]);
  }
  return [...kinds.values()];
}

function devicesItem(devices: readonly DeviceOutline[], { agent: { hiddenDevices = 0 } }: SnapshotOutline): Item {
  const queues = devices.flatMap((device) => device.queues);
  const full = queues.filter(({ ring }) => ring !== undefined && ring.occupancy + ring.lag >= ring.capacity).length;
  const namespaces = new Set(devices.map(({ netns }) => netns)).size;
  const places = counted(namespaces, 'namespace');
  const left = hiddenDevices > 0 ? `; ${hiddenWords(hiddenDevices)}` : '';
  const text = `${count(devices.length)} in ${places}, with ${counted(queues.length, 'queue')}, ${count(full)} of them full now${left}`;
  return { mark: 'good', what: 'devices', text };
}

function probesItem({ agent }: SnapshotOutline, isBeside: boolean): Item {
  // Its probes count, and this command reads them not: that is late, and not unmeasured.
  if (isBeside) return { mark: 'note', what: 'probes', text: 'the agent has them, and did not answer' };
  const blind = unwatched(agent.probes);
  return blind.length === 0
    ? { mark: 'good', what: 'probes', text: 'every event is measured' }
    : { mark: 'warning', what: 'probes', text: `${blind.join('; ')}; '${tapscope('doctor')}' says more` };
}

function agentItem({ agent, agentSilence, late }: Checked): Item {
  if (agentSilence !== undefined) return { mark: 'bad', what: 'agent', text: agentSilence };
  if (!agent) return { mark: 'note', what: 'agent', text: 'not running; no history is recorded' };
  return {
    mark: agent.level !== 'lean' && late === undefined ? 'good' : 'warning',
    what: 'agent',
    text: `pid ${agent.pid}, level ${agent.level}${slowWords(agent.lookSeconds)}${late === undefined ? '' : `; ${late}`}`,
  };
}

/** Its own CPU time passes its budget; figures are as exact as ever. */
function slowWords(seconds = 1): string {
  return seconds > 1 ? `, samples every ${seconds} s because of its budget` : '';
}

function isBlind({ agent }: SnapshotOutline): boolean {
  return !agent.probes.some(({ event, attached }) => event === 'transmit' && attached);
}

/** Findings of one rule: the first in words, the others by the names of their devices. */
function findingItem(findings: readonly Finding[], last: SnapshotOutline): readonly Item[] {
  const [first, ...others] = findings;
  if (!first) return [];
  const names = others.slice(0, 3).map((one) => {
    const place = one.netns === first.netns ? undefined : sharedNamespace(one, last);
    return [place, one.device, one.queue].filter((part) => part !== undefined).join('/');
  });
  const more = others.length > names.length ? ', …' : '';
  const also = others.length > 0 ? ` The same of ${others.length} more: ${names.join(', ')}${more}` : '';
  return [
    {
      mark: MARKS[first.severity],
      what: first.rule,
      text: first.cause + whenSeen(first, last) + placeOf(first, last) + also,
    },
  ];
}

function placeOf(finding: Finding, last: SnapshotOutline): string {
  const place = sharedNamespace(finding, last);
  return place === undefined ? '' : ` (In namespace ${place}.)`;
}

/** The namespace of the device, if another device has the same name. */
function sharedNamespace({ device, netns }: Finding, { devices, agent }: SnapshotOutline): string | undefined {
  if (netns === undefined || devices.filter(({ name }) => name === device).length < 2) return undefined;
  return namespaceIn(netns, agent);
}

function unjudgedItem({ verdict: { unjudged }, rules }: Checked): Item {
  const because = [...new Set(unjudged.map((one) => one.because))].join('; ');
  const names = unjudged.map(({ rule }) => rule).join(', ');
  const text =
    unjudged.length > MOST_NAMED
      ? `${unjudged.length} of ${rules}: '${tapscope('diagnose')}' lists them`
      : `${names}: ${because}`;
  return { mark: 'warning', what: 'blind rules', text };
}

/** Losses that the kernel counted before the first sample. */
function pastItem(devices: readonly DeviceOutline[]): readonly Item[] {
  const lost = devices
    .flatMap(({ name, counters }) => (counters && counters.txDropped > 0 ? [{ name, ...counters }] : []))
    .sort((a, b) => b.txDropped - a.txDropped);
  const [worst] = lost;
  if (!worst) return [];
  const share = ((100 * worst.txDropped) / (worst.txDropped + worst.txPackets)).toPrecision(2);
  const text = `${counted(lost.length, 'device')} lost packets since ${lost.length === 1 ? 'it was' : 'they were'} made; the worst is ${worst.name}: ${count(worst.txDropped)} (${Number(share)} %)`;
  return [{ mark: 'note', what: 'lost before', text }];
}
