// SPDX-License-Identifier: Apache-2.0
// The doctor's report as text: the first line is the answer.

import { thingOf, whyNot } from '../diagnosis/unwatched.ts';
import { tapscope } from '../own-command.ts';
import type { AgentState } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';

export interface DoctorReport {
  readonly schema: 1;
  readonly verdict: 'best' | 'fallbacks' | 'blind';
  readonly kernel: string;
  readonly possibleCpus: number;
  /** The agent that runs on this host, as it sees itself. */
  readonly agent: {
    readonly pid: number;
    readonly level: AgentState['level'];
    /** Between two samples of the host; absent: of an older agent. */
    readonly lookSeconds?: number;
    readonly overhead: Readonly<Record<string, number>>;
    /** One sentence on unintended clients that can read its metrics; null: none can. */
    readonly exposure: string | null;
    /** Sentences on what code that breaks into the process that answers requests could reach; absent: of an older agent. */
    readonly openings?: readonly string[];
  } | null;
  /** Why the agent does not answer: 'the agent (pid 7) is stopped by a signal (state T): kill -CONT 7'. null: it does, or none runs. */
  readonly agentSilence: string | null;
  readonly features: readonly { readonly name: string; readonly present: boolean; readonly hint: string }[];
  readonly rights: readonly { readonly name: string; readonly present: boolean; readonly use: string }[];
  /** Events whose probes keep the tun module from being unloaded while an agent runs. */
  readonly pins: readonly string[];
  /** Ways of a packet's memory that other drivers have; present null: unknown. */
  readonly skbPaths: readonly SkbPathReport[];
  readonly functions: readonly FunctionReport[];
  readonly events: readonly EventReport[];
}

interface SkbPathReport {
  readonly name: string;
  readonly present: boolean | null;
  readonly reason: string;
  readonly countedBy?: string;
}

/** A function of the kernel that people know by name, and what sees what it does. */
interface FunctionReport {
  readonly name: string;
  /** Sections of the attached programs, as fentry/tun_net_xmit. */
  readonly hooks: readonly string[];
  /** Mechanisms that count without a hook, as consumed=arithmetic. */
  readonly instead: readonly string[];
  readonly why: string;
}

export interface EventReport {
  readonly event: string;
  readonly measures: string;
  readonly mechanism: string | null;
  readonly state: 'best' | 'fallback' | 'blind';
  /** The disadvantage of the fallback. */
  readonly tradeoff: string | null;
  /** Some figures may be wrong with this mechanism. */
  readonly inexact: boolean;
  readonly refused: readonly { readonly mechanism: string; readonly kind: string; readonly reason: string }[];
}

const FORBIDDEN =
  'The kernel refuses some programs all the same: lockdown, a security module, seccomp or a sandbox forbids it, and no right of tapscope changes that.';

/** The answer; what a fallback costs is for --verbose, what is not measured is not. */
export function renderDoctorShort(report: DoctorReport): string {
  const { events } = report;
  const blind = events.filter(({ state }) => state === 'blind');
  const reasons = grouped(blind, ({ event }) => whyNot(event, events) ?? '');
  const lines = [
    ...headOf(report),
    ...blind.map(({ event, measures }) => `  not watched: ${thingOf(event)} (${event}): ${measures}`),
    ...reasons.flatMap(([reason, names]) => (reason === '' ? [] : [`  Why (${names.join(', ')}): ${reason}`])),
    ...(blind.length > 0 ? [''] : []),
    ...missingOf(report),
    ...(events.some(({ state }) => state !== 'best') ? [`'${tapscope('doctor --verbose')}' ${DETAILS}.`] : []),
  ];
  return `${lines.map(visible).join('\n')}\n`;
}

const DETAILS = 'has each event, what its mechanism does worse, and what the kernel said';

/** One sentence. */
export function measuredWords(events: readonly EventReport[]): string {
  const number = (wanted: string): number => events.filter(({ state }) => state === wanted).length;
  const [blind, fallbacks] = [number('blind'), number('fallback')];
  if (blind > 0) return `BLIND: ${blind} of ${events.length} events are not measured at all.`;
  const inexact = events.filter((event) => event.inexact).map(({ event }) => event);
  const exact =
    inexact.length === 0 ? 'All figures are exact' : `Not all figures are exact (${inexact.map(thingOf).join(', ')})`;
  if (fallbacks === 0)
    return inexact.length === 0
      ? `OK: ${exact.toLowerCase()}, and measured by the best mechanism that this kernel has.`
      : `${exact}; this kernel has no better mechanism.`;
  const things = fallbacks === 1 ? '1 thing costs more or is missing' : `${fallbacks} things cost more or are missing`;
  return `${exact}; ${whyFallbacks(events)}, so ${things}.`;
}

function whyFallbacks(events: readonly EventReport[]): string {
  const refused = events.filter(({ state }) => state === 'fallback').flatMap((event) => event.refused);
  if (refused.some(({ reason }) => /^load .*: (?:Operation not permitted|Permission denied)/.test(reason)))
    return 'this kernel refuses tracing';
  return refused.some(({ kind, reason }) => kind === 'refused' && !/^needs /.test(reason))
    ? 'a right or a feature of the kernel is missing'
    : 'a flag chose other mechanisms';
}

function grouped(
  events: readonly EventReport[],
  keyOf: (event: EventReport) => string,
): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const event of events) groups.set(keyOf(event), [...(groups.get(keyOf(event)) ?? []), event.event]);
  return [...groups];
}

function headOf(report: DoctorReport): readonly string[] {
  return [
    measuredWords(report.events),
    `Kernel ${report.kernel}, ${report.possibleCpus} CPUs. ${renderAgent(report)}`,
    ...[report.agent?.exposure ?? [], report.agent?.openings ?? []].flat().map((open) => `That is open: ${open}`),
    '',
  ];
}

export function renderDoctor(report: DoctorReport): string {
  const lines = [...headOf(report)];
  for (const event of report.events) lines.push(...renderEvent(event), '');
  lines.push(
    'What is attached, by the functions of the kernel that people know:',
    ...report.functions.flatMap(renderFunction),
    '',
  );
  lines.push(...report.skbPaths.map(renderPath), ...(report.skbPaths.length > 0 ? [''] : []));
  if (report.pins.length > 0)
    lines.push(
      `While an agent runs, tun cannot be unloaded (${report.pins.join(', ')}); --no-pin gives that up for raw tracepoints.`,
      '',
    );
  lines.push(...missingOf(report));
  return `${lines.map(visible).join('\n')}\n`;
}

function missingOf(report: DoctorReport): readonly string[] {
  const missing = [
    ...report.features.filter(({ present }) => !present).map(({ name, hint }) => `${name}: ${hint}.`),
    ...report.rights
      .filter(({ present }) => !present)
      .map(({ name, use }) => `${name}: needed to ${use}; run as root, or grant it.`),
  ];
  if (missing.length > 0) return ['Missing:', ...missing.map((line) => `  ${line}`)];
  return ['No right or kernel feature is missing.', ...(isForbidden(report) ? [FORBIDDEN] : [])];
}

function isForbidden({ events }: DoctorReport): boolean {
  return events.some(({ refused }) => refused.some(({ reason }) => reason.includes('Operation not permitted')));
}

const LEVELS: Readonly<Record<AgentState['level'], string>> = {
  exact: '',
  rest: ' (all is well, so no program is on the way of packets, except one where a device may have several queues; until something is lost or asked for, times in the ring, high-water marks, bursts and bytes of single queues are not measured)',
  lean: ' (its budget was passed: nothing is counted on the enqueue path)',
};

function renderAgent({ agent, agentSilence }: DoctorReport): string {
  if (agentSilence !== null) return `${agentSilence.slice(0, 1).toUpperCase()}${agentSilence.slice(1)}.`;
  if (agent === null) return 'No agent runs.';
  const costs = Object.entries(agent.overhead).map(([part, share]) => `${part} ${(100 * share).toFixed(2)} %`);
  const cost = costs.length > 0 ? `, which costs of all CPUs: ${costs.join(', ')}` : '';
  const { lookSeconds = 1 } = agent;
  const slow = lookSeconds > 1 ? ` It takes more than its budget, and looks at the host every ${lookSeconds} s.` : '';
  return `An agent runs, pid ${agent.pid}, level ${agent.level}${LEVELS[agent.level]}${cost}.${slow}`;
}

function renderPath({ name, present, reason, countedBy }: SkbPathReport): string {
  if (present === null) return `${name}: not known, ${reason}.`;
  if (!present) return `${name}: nothing to count, ${reason}.`;
  return `${name}: used (${reason}), and ${countedBy ? `counted with --mechanism ${countedBy}` : 'not counted yet'}.`;
}

function renderFunction({ name, hooks, instead, why }: FunctionReport): string[] {
  const seen = [...hooks, ...instead].join(', ') || 'nothing';
  return [`${name.padEnd(20)} ${seen}`, `                     ${why}`];
}

function renderEvent({ event, mechanism, state, measures, tradeoff, refused }: EventReport): string[] {
  return [
    `${event.padEnd(16)} ${(mechanism ?? 'nothing').padEnd(15)} ${state.padEnd(9)} ${measures}`,
    ...(tradeoff === null ? [] : [`                 ${tradeoff}`]),
    ...refused.map(({ mechanism: better, reason }) => `                 not ${better}: ${reason}`),
  ];
}
