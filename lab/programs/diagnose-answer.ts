// SPDX-License-Identifier: Apache-2.0
// What `tapscope diagnose --json` and `check --json` answered about one device, and what that is worth against the truth.
import type { Finished } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { scoreFault, scoreHealthy } from '../verdicts/score.ts';
import type { Case } from './case.ts';
import type { Truth } from './scene.ts';

interface ReportedFinding {
  readonly rule: string;
  readonly info: boolean;
  readonly cause: string;
  /** Unix time of the last judgement that made it; undefined: this command judged itself. */
  readonly seen: number | undefined;
}

export interface Answer {
  /** ok, warning, critical, unknown; or what went wrong with the command. */
  readonly verdict: string;
  /** The first ones first. */
  readonly findings: readonly ReportedFinding[];
}

/** wrong OK: packets were lost, and the answer was OK. unknown: healthy, and the answer was that it cannot be said. */
export type Outcome =
  | 'right'
  | 'wrong'
  | 'silent'
  | 'wrong OK'
  | 'healthy'
  | 'unknown'
  | 'false alarm'
  | 'did not happen';

export interface Result {
  readonly program: string;
  readonly name: string;
  readonly expected: readonly string[] | undefined;
  readonly outcome: Outcome;
  readonly diagnosed: Answer | undefined;
  readonly checked: Answer | undefined;
  readonly truth: Truth | undefined;
  /** Why it did not happen; undefined: it did. */
  readonly failure: string | undefined;
}

export function answerIn({ stdout, stderr, code }: Finished): Answer {
  if (!stdout.startsWith('{')) return { verdict: `exit ${code}: ${stderr.trim().slice(-200)}`, findings: [] };
  const json = parseJson(stdout);
  const findings = listAt(json, 'findings').map((one) => ({
    rule: String(at(one, 'rule')),
    info: at(one, 'severity') === 'info',
    cause: String(at(one, 'cause')),
    seen: numberIn(at(one, 'seen')),
  }));
  return { verdict: String(at(json, 'verdict')), findings };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Seconds. Each second the agent judges the last ten: it still reports a fault for so long after its end. */
const AGENT_WINDOW = 10;

/** `check` keeps a finding for half a minute after its fault. True: each alarm is of a fault that had ended by this Unix time. */
export function isLeftOver({ findings }: Answer, faultEnded: number): boolean {
  const alarms = findings.filter(({ info }) => !info);
  return alarms.length > 0 && alarms.every(({ seen }) => seen !== undefined && seen <= faultEnded + AGENT_WINDOW);
}

/** Lost on the way, or the harm that was done in its place; packets that the kernel dropped are known even where what arrived is not counted. */
export function lostIn({ sent, arrived, txDropped, harm = 0 }: Truth): number {
  if (harm > 0) return harm;
  return arrived === undefined ? txDropped : Math.max(sent - arrived, txDropped);
}

/** ARP, pings and what a guest says by itself are less. */
const LEAST_MOVED = 50_000;

/** Why a case says nothing that is about traffic which did not flow; undefined: it flowed. */
export function standstill({ moves = [] }: Pick<Case, 'moves'>, truth: Truth): string | undefined {
  const still = moves.filter((direction) => truth[direction] < LEAST_MOVED);
  if (still.length === 0) return undefined;
  return `no traffic: ${still.map((direction) => `${truth[direction]} bytes ${direction}`).join(', ')}`;
}

type Told = Pick<Case, 'expected' | 'moves'>;

export function outcomeOf(one: Told, diagnosed: Answer, checked: Answer | undefined, truth: Truth): Outcome {
  const { expected } = one;
  const lost = lostIn(truth);
  if (expected === undefined) {
    const answers = [diagnosed, ...(checked ? [checked] : [])];
    const alarms = answers.some((answer) => healthOf(answer) === 'false alarm');
    // What the device itself lost is worth an alarm, on a busy machine; what is lost beyond it is not.
    if (alarms && truth.txDropped === 0) return 'false alarm';
    if (lost > 0 || standstill(one, truth) !== undefined) return 'did not happen';
    return answers.every(({ verdict }) => verdict === 'ok') ? 'healthy' : 'unknown';
  }
  if (lost === 0) return 'did not happen';
  if (diagnosed.verdict === 'ok') return 'wrong OK';
  // Where several names are right, the name that was told counts as the wanted one.
  const told = diagnosed.findings[0]?.rule ?? '';
  const rule = expected.includes(told) ? told : (expected[0] ?? '');
  const fault = { device: '', rule, holds: () => true };
  const [score] = scoreFault(fault, 0, [{ at: 0, findings: diagnosed.findings }]);
  return score?.outcome === 'right' || score?.outcome === 'wrong' ? score.outcome : 'silent';
}

function healthOf({ verdict, findings }: Answer): string {
  if (verdict === 'warning' || verdict === 'critical') return 'false alarm';
  return scoreHealthy([{ at: 0, findings }]).outcome;
}
