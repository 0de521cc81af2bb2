// SPDX-License-Identifier: Apache-2.0
// `tapscope check`: the state of all queues on one screen, in under three seconds, with an agent or without, in six beside one that is silent.

import { RULES } from '../diagnosis/all-rules.ts';
import { isEverything, type Scope } from '../diagnosis/scope.ts';
import { EXIT_CODES, statusOf } from '../diagnosis/status.ts';
import { shortOfCpu } from '../kernel/load-average.ts';
import { itemsOf, renderCheck } from '../outputs/check-text.ts';
import { forNagios, type Stated, statusLine, unknownLine } from '../outputs/first-line.ts';
import { SCHEMA } from '../outputs/live-message.ts';
import { perfdataOf } from '../outputs/perfdata.ts';
import type { Judged } from '../outputs/verdict.ts';
import type { AgentSelf } from '../server/agent-self.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { type Silence, talkToAgent } from './agent-silence.ts';
import { askCheck, askSelf, type CheckedByAgent } from './ask-agent.ts';
import { FirewallWatch } from './firewall-watch.ts';
import { lateWords } from './late-words.ts';
import { withRules } from './named-rule.ts';
import { exitCodeOf, jsonOf, judgeSnapshots, withSilence } from './run-diagnosis.ts';
import { linkedLayoutOf } from './terminal/terminal.ts';
import { thisHost } from './version.ts';
import { watchHost } from './watch.ts';

/** The timeout for all requests to the agent together. On a host without free CPU nothing else would answer sooner. */
const PATIENCE_MS = { usual: 2000, shortOfCpu: 6000 };
/**
 * From the start of this program to the answer of a running agent, about a device too, and what is left of that for judging and sending it. Without free CPU
 * timers are late too, by half a second.
 */
const ANSWER_MS = { usual: 2000, shortOfCpu: 1500 };
const REPLY_MS = { usual: 200, shortOfCpu: 500 };
/** A shorter look shows nothing (src/server/asked-check.ts). */
const LEAST_LOOK_MS = 700;
/** Enough for OK where no packet waits. */
const LOOK_SECONDS = 1;
/** A reader that takes nothing for 1.5 s is taken for stalled (src/diagnosis/evidence/stall.ts), and not for slow. */
const STALL_SECONDS = 1.7;

interface CheckOptions {
  readonly scope: Scope;
  readonly json: boolean;
  readonly mechanisms: readonly string[];
  /** Where an agent may listen. */
  readonly socket: string;
}

/** Exit code 0: OK, 1: warning, 2: critical, 3: unknown. All of it is on standard output: monitoring reads nothing else. */
export async function check(options: CheckOptions): Promise<number> {
  try {
    return await answer(options);
  } catch (error) {
    sayUnknown(error instanceof Error ? error.message : String(error), options.json);
    return EXIT_CODES.unknown;
  }
}

/** The whole answer where there is nothing to judge. */
export function sayUnknown(why: string, json: boolean): void {
  const report = {
    schema: SCHEMA,
    takenAt: Date.now() / 1000,
    seconds: 0,
    host: thisHost(),
    findings: [],
    unjudged: [],
    inconclusive: [why],
    verdict: 'unknown',
    status: unknownLine(why),
    agent: null,
    items: [],
  };
  process.stdout.write(`${json ? escapedJson(JSON.stringify(report, null, 2)) : inFull(why)}\n`);
}

/** The line, and all of the reason where that is longer. */
function inFull(why: string): string {
  const line = unknownLine(why);
  return line.endsWith('…') ? `${line}\n\n${forNagios(why)}` : line;
}

async function answer(options: CheckOptions): Promise<number> {
  const load = shortOfCpu();
  const pace = load === undefined ? 'usual' : 'shortOfCpu';
  const lookMs = Math.max(LEAST_LOOK_MS, ANSWER_MS[pace] - performance.now() - REPLY_MS[pace]);
  const { said, silence } = await talkToAgent(
    options.socket,
    PATIENCE_MS[pace] + (isEverything(options.scope) ? 0 : lookMs),
    (limit) => askAgent(options, lookMs, limit),
    load,
  );
  const { agent, judged: byAgent } = said ?? {};
  // Probes of its own would take the CPU that the host lacks, and longer than anyone waits.
  if (silence && !silence.halted && load !== undefined) throw new Error(`${silence.words}.`);
  const judged = byAgent ? await namedBy(byAgent, options) : withSilence(await judgedHere(options, silence), silence);
  const late = byAgent && lateWords(byAgent.last.takenAt, load, agent?.lookSeconds);
  const checked = { ...judged, agent, rules: RULES.length, late };
  const items = itemsOf(checked);
  const report = { ...jsonOf(checked), status: statusLine(checked), agent: agent ?? null, items };
  process.stdout.write(
    options.json
      ? `${escapedJson(JSON.stringify(report, null, 2))}\n`
      : renderCheck(checked, items, linkedLayoutOf(process.stdout), process.stdout.isTTY ? '' : perfdataOf(checked)),
  );
  return exitCodeOf(checked);
}

/** On a whole host rules are not read. */
async function namedBy<Told extends Stated>(told: Told, { scope, socket }: CheckOptions): Promise<Told> {
  return isEverything(scope) ? told : withRules(told, scope, socket);
}

interface Asked {
  /** undefined: none runs. */
  readonly agent: AgentSelf | undefined;
  /** undefined: the agent is of another version, has just started, or was not to judge. */
  readonly judged: (Stated & Pick<Judged, 'ledger'>) | undefined;
}

/** A device that is asked about is judged as `diagnose` does, from the agent's history and a fresh look. */
async function askAgent(options: CheckOptions, lookMs: number, limit: AbortSignal): Promise<Asked> {
  const { scope, mechanisms, socket } = options;
  const question = isEverything(scope) ? undefined : { scope, within: lookMs };
  const answer = mechanisms.length > 0 ? undefined : await askCheck(socket, limit, question);
  if (answer) return { agent: answer.agent ?? undefined, judged: statedBy(answer) };
  return { agent: await askSelf(socket, limit), judged: undefined };
}

function statedBy({ findings, unjudged, seconds, last, asked }: CheckedByAgent): Asked['judged'] {
  const verdict = { findings, unjudged };
  const inconclusive = asked?.inconclusive ?? [];
  return {
    status: statusOf(verdict, inconclusive),
    verdict,
    inconclusive,
    devices: asked ? asked.devices.flatMap((place) => last.devices[place] ?? []) : last.devices,
    ledger: asked?.ledger,
    last,
    seconds,
    host: thisHost(),
    isRenamed: false,
  };
}

async function judgedHere({ scope, mechanisms, socket }: CheckOptions, silence: Silence | undefined): Promise<Judged> {
  const snapshots: Snapshot[] = [];
  const { signal } = new AbortController();
  const firewall = new FirewallWatch(scope);
  const keep = (snapshot: Snapshot): number => snapshots.push(snapshot);
  const judged = (): Judged => judgeSnapshots(snapshots, scope, thisHost());
  let enough: Judged | undefined;
  const longer = (): number => {
    const early = judged();
    if (early.status === 'ok' && !waits(snapshots)) enough = early;
    return enough ? 0 : STALL_SECONDS - LOOK_SECONDS;
  };
  // On a whole host or namespace it would be read for each device, in a command that is to answer at once.
  const wish = isEverything({ ...scope, netns: undefined }) ? undefined : 'question';
  const first = (snapshot: Snapshot): void => firewall.begin(snapshot);
  await watchHost({ seconds: LOOK_SECONDS, socket, mechanisms, signal, keep, longer, silence, wish, check: first });
  return enough ?? judgeSnapshots(await firewall.onto(snapshots), scope, thisHost());
}

/** Packets are in a ring: its reader may have stopped. */
function waits(snapshots: readonly Snapshot[]): boolean {
  const queues = snapshots.at(-1)?.devices.flatMap((device) => device.queues) ?? [];
  return queues.some(({ ring }) => (ring?.occupancy ?? 0) > 0);
}
