// SPDX-License-Identifier: Apache-2.0
// The line that monitoring shows, and pages: what, how much, why, and what to type, in 160 characters at most.
import type { Finding } from '../diagnosis/finding.ts';
import { count, hiddenWords, namespaceIn } from '../diagnosis/format.ts';
import { explained, isMeantLoss, isProblem } from '../diagnosis/order.ts';
import { queuesTogether } from '../diagnosis/queue-groups.ts';
import { diagnoseIt } from '../diagnosis/remedies/command.ts';
import { tapscope } from '../own-command.ts';
import type { DeviceOutline, SnapshotOutline } from '../snapshot/outline.ts';
import { guestOf } from '../snapshot/owner.ts';
import { visible } from '../snapshot/visible.ts';
import { counted } from './terminal-text.ts';
import type { Judged } from './verdict.ts';

/** A text message has as many, and no list of services cuts it. */
const MOST = 160;
/** Of the name of a VM, pod or container; longer ones differ at their ends, as those of pods do. */
const MOST_OF_NAME = 24;
const LEAST_OF_NAME = 12;
/** A last word of fewer letters than this is not worth its ellipsis. */
const FEWEST = 20;
/** Its name and number, in `brief`. */
const READER = /its reader,? \S+ \((?:pid )?\d+\),?/;
/** The agent judges each second, a busy one less often. */
const NOW_SECONDS = 3;

/** What was judged, of a host of which only an outline is known: all that the first line and the items of `check` show. */
export type Stated = Omit<Judged, 'devices' | 'last' | 'ledger'> & {
  readonly devices: readonly DeviceOutline[];
  readonly last: SnapshotOutline;
};

/** Nagios takes what is behind the first | for performance data, on every line. */
export function forNagios(text: string): string {
  return visible(text).replaceAll('|', '¦');
}

/** Always one line. */
export function statusLine(judged: Stated): string {
  const { status, verdict, inconclusive, devices, last, agentSilence, late } = judged;
  const findings = queuesTogether(verdict.findings, last);
  const problems = findings.filter(isProblem);
  const [worst] = problems;
  if (worst) return lineOf(`${worst.severity.toUpperCase()}: `, worst, problems, judged);
  const { hiddenDevices: hidden = 0 } = last.agent;
  const queues = devices.reduce((sum, device) => sum + device.queues.length, 0);
  const left = devices.length === 0 && hidden > 0 ? ` (${hiddenWords(hidden)})` : '';
  const size = `${counted(devices.length, 'device')}, ${counted(queues, 'queue')}${left}`;
  if (status === 'ok') {
    const lossy = findings.filter(isMeantLoss).toSorted((a, b) => explained(b) - explained(a));
    // Nothing that needs action: but whoever reads OK alone does not look any further.
    if (lossy[0]) return lineOf(`OK: ${size}, no fault; `, lossy[0], lossy, judged);
    return forNagios(shortened(`OK: ${size}, nothing to do${late === undefined ? '' : `; ${late}`}`, MOST));
  }
  const [doubt = 'not everything could be judged'] = verdict.findings.flatMap(({ doubts = [] }) => doubts);
  const why = inconclusive[0] ?? doubt;
  return unknownLine(
    agentSilence === undefined
      ? `${size}, nothing found, but ${why}${late === undefined ? '' : `; ${late}`}`
      : sentence(agentSilence),
  );
}

/** Why nothing can be said, of any length. */
export function unknownLine(why: string): string {
  return forNagios(shortened(`UNKNOWN: ${why}`, MOST));
}

/** `told`: all that are counted beside the worst. */
function lineOf(
  head: string,
  worst: Finding,
  told: readonly Finding[],
  { status, last, agentSilence, late }: Stated,
): string {
  const seen = whenSeen(worst, last);
  const [more, fewer] = othersThan(worst, told);
  const rest = `${worst.severity === status || !isProblem(worst) ? '' : ` One is ${status}.`}${agentSilence === undefined ? '' : ' The agent is silent.'}${late === undefined ? '' : ` J${late.slice(1).replace(/:.*/, '')}.`}`;
  const [full, short] = [MOST_OF_NAME, LEAST_OF_NAME].map((most) => answerOf(worst, last, most));
  const [command, diagnose, byNumber] = [typed(worst, last), asking(worst, last), askingByNumber(worst, last)];
  const bare = short?.replace(READER, 'its reader');
  // What may be said shorter, then what is typed: `diagnose` has the remedy too, and who the reader is. The cause is cut last.
  const forms = [
    [full, command, more],
    [full, command, fewer],
    [short, command, fewer],
    [full, diagnose, more],
    [full, diagnose, fewer],
    [short, diagnose, fewer],
    [bare, diagnose, fewer],
    [bare, byNumber, fewer],
    [bare, byNumber, ''],
  ].map(([answer = '', type = '', others = '']) => ({ answer, end: `${seen}${type}${others}${rest}` }));
  const room = MOST - head.length;
  const { answer = '', end = '' } =
    forms.find((form) => form.answer.length + form.end.length <= room) ?? forms.at(-2) ?? {}; // cut anyway, so with how many more
  return forNagios(head + shortened(answer, room - end.length) + end);
}

/** 'vnet1 (VM web1) loses all packets, 1 994/s: its reader qemu-system-x86 (7927) is stopped.' */
function answerOf({ device, netns, queue, brief, cause }: Finding, last: SnapshotOutline, mostOfName: number): string {
  if (device === undefined || brief === undefined) return sentence(cause);
  const seen = deviceOf({ device, netns }, last);
  const of = seen?.queues.filter(({ index }) => queue === undefined || index === queue) ?? [];
  const guest = guestOf(of.find(({ owner }) => owner)?.owner?.identity);
  const which = queue === undefined || seen?.queues.length === 1 ? '' : ` queue ${queue}`;
  const whose = guest ? ` (${guest[0]} ${middleCut(guest[1], mostOfName)})` : '';
  return sentence(`${device}${which}${whose} ${brief}`);
}

/** ' Type: kill -CONT 7927.': what costs nothing; of the rest `diagnose` says the price. */
function typed(finding: Finding, last: SnapshotOutline): string {
  const [best] = finding.remedies;
  const { command } = best ?? {};
  const isPlain = command !== undefined && !/[\n|]/.test(command) && visible(command) === command;
  if (!isPlain || !best?.lossless || best.restart || best.by !== 'host') return asking(finding, last);
  return ` Type: ${command}.`;
}

function asking({ device, netns }: Finding, last: SnapshotOutline): string {
  if (device === undefined) return ` Type: ${tapscope('doctor')}.`;
  const isAlone = last.devices.filter(({ name }) => name === device).length < 2;
  const where = isAlone || netns === undefined ? undefined : namespaceIn(netns, last.agent);
  return ` Type: ${diagnoseIt(device, where)}.`;
}

/** The number of a namespace is shorter than most names, and is taken too. */
function askingByNumber(finding: Finding, last: SnapshotOutline): string {
  return asking(finding, { ...last, agent: { ...last.agent, namespaceNames: new Map() } });
}

/** ' 2 more devices lose packets.', and in short ' 2 more.': devices, else what else is wrong with the same one. Notes are no problems. */
function othersThan(worst: Finding, problems: readonly Finding[]): readonly [more: string, fewer: string] {
  const placeOf = ({ netns, device }: Finding): string => `${netns} ${device}`;
  const others = problems.filter((one) => placeOf(one) !== placeOf(worst));
  const devices = new Set(others.map(placeOf)).size;
  if (devices > 0) {
    const lose = others.every(isLoss) ? ['loses packets', 'lose packets'] : ['has a problem', 'have problems'];
    const what = devices === 1 ? `device ${lose[0]}` : `devices ${lose[1]}`;
    return [` ${count(devices)} more ${what}.`, ` ${count(devices)} more.`];
  }
  const rules = new Set(problems.map(({ rule }) => rule)).size - 1;
  const same = rules > 0 ? ` It has ${counted(rules, 'more problem')}.` : '';
  return [same, same];
}

function isLoss({ device, explains = 0, figures }: Finding): boolean {
  return device !== undefined && explains + (figures?.lost ?? 0) + (figures?.lostBefore ?? 0) > 0;
}

function deviceOf(
  { device, netns }: Pick<Finding, 'device' | 'netns'>,
  { devices }: SnapshotOutline,
): DeviceOutline | undefined {
  return devices.find((one) => one.name === device && (netns === undefined || one.netns === netns));
}

/** ' Last seen 21 s ago.': what stands may have ended; '': it is so now. */
export function whenSeen(finding: Finding, { takenAt }: SnapshotOutline): string {
  const seen = 'seen' in finding && typeof finding.seen === 'number' ? finding.seen : takenAt;
  const ago = Math.round(takenAt - seen);
  return ago <= NOW_SECONDS ? '' : ` Last seen ${ago} s ago.`;
}

/** Whole words, and an ellipsis where some are left out. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const cut = text.slice(0, most);
  const end = cut.lastIndexOf(' ');
  // One word alone may be longer than the line.
  return `${cut.slice(0, end > FEWEST ? end : most - 1).replace(/[\s,:;.]+$/, '')}…`;
}

/** 'virt-launcher…-x7k2p': both ends of a name tell it from others. */
function middleCut(name: string, most: number): string {
  const letters = [...name];
  if (letters.length <= most) return name;
  const end = Math.floor((most - 1) / 2);
  return `${letters.slice(0, most - 1 - end).join('')}…${letters.slice(-end).join('')}`;
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
