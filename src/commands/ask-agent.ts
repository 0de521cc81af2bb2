// SPDX-License-Identifier: Apache-2.0
// Asks the running agent for its state and its history. Root asks a process without rights: the answer drives no terminal.
import { setTimeout as wait } from 'node:timers/promises';
import type { Verdict } from '../diagnosis/judge.ts';
import type { Scope } from '../diagnosis/scope.ts';
import { type Answer, askSocket } from '../kernel/agent-socket.ts';
import { SCHEMA } from '../outputs/live-message.ts';
import type { AgentSelf } from '../server/agent-self.ts';
import type { CheckAnswer } from '../server/check-answer.ts';
import type { TopAnswer } from '../server/top-answer.ts';
import { type SnapshotJson, snapshotFromJson } from '../snapshot/json.ts';
import { outlineFromJson, type SnapshotOutline } from '../snapshot/outline.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { parseVisible } from '../snapshot/visible.ts';
import { freshlyNamed } from './fresh-names.ts';
import { version } from './version.ts';

interface AnyAnswer {
  readonly schema: number;
  readonly host: { readonly version: string };
}

interface WindowAnswer extends AnyAnswer {
  readonly snapshots: readonly SnapshotJson[];
}

interface FindingsAnswer extends AnyAnswer, Verdict {
  readonly seconds: number;
}

interface SnapshotAnswer extends AnyAnswer {
  readonly snapshot: SnapshotJson;
}

type RememberedAnswer = AnyAnswer & TopAnswer;
type CheckedAnswer = AnyAnswer & CheckAnswer;

export interface CheckedByAgent extends Omit<CheckAnswer, 'snapshot'> {
  readonly last: SnapshotOutline;
}

/** A question about some devices, and how many milliseconds a fresh look may take. */
export interface DeviceQuestion {
  readonly scope: Scope;
  readonly within: number;
}

interface SelfAnswer extends AnyAnswer {
  readonly agent: AgentSelf | null;
}

const OK = 200;
/** Status of what the history does not reach, and of a page that an agent does not have. */
const NOT_YET = 404;
/** Status of an agent that has too many to answer, and how long until some of them have their answer. */
const BUSY = 503;
const MOMENT_MS = 300;

/** The agent's own state; undefined: none of this version answers before `limit`. */
export async function askSelf(socket: string, limit: AbortSignal): Promise<AgentSelf | undefined> {
  try {
    const { status, body } = await askSocket(socket, '/api/v1/agent', limit);
    const { agent }: SelfAnswer = parseVisible(body);
    return status === OK && typeof agent?.pid === 'number' ? agent : undefined;
  } catch {
    return undefined; // no listener, or it ended while it answered
  }
}

/**
 * All that `check` shows, of a whole host or of some devices; undefined: no agent of this version answers, or it has judged nothing yet.
 * Throws one sentence.
 */
export async function askCheck(
  socket: string,
  limit: AbortSignal,
  asked?: DeviceQuestion,
): Promise<CheckedByAgent | undefined> {
  const answer = await askPatiently(socket, `/api/v1/check${asked ? questionOf(asked) : ''}`, limit).catch(
    () => undefined,
  );
  if (answer === undefined || answer.status === NOT_YET) return undefined;
  if (answer.status !== OK) throw new Error(answer.body.trim());
  const { snapshot, ...rest }: CheckedAnswer = parseVisible(answer.body);
  return isOurs(rest) ? { ...rest, last: outlineFromJson(snapshot) } : undefined;
}

/** The first picture of `top`; undefined: none of this version answers, or it remembers nothing of what is asked about. */
export async function askTop(socket: string, limit: AbortSignal, scope: Scope): Promise<TopAnswer | undefined> {
  const words = new URLSearchParams(wordsOf(scope));
  const answer = await askPatiently(socket, `/api/v1/top?${words}`, limit).catch(() => undefined);
  if (answer?.status !== OK) return undefined;
  const made: RememberedAnswer = parseVisible(answer.body);
  return isOurs(made) ? made : undefined;
}

/** What the snapshots after this one have too: what is read for questions alone, or what level `exact` alone has. */
export type Wish = 'question' | 'exact';

/** A fresh one, of devices as `aroundAsked()` has them. Throws one sentence. */
export async function askSnapshot(
  socket: string,
  nevermind?: AbortSignal,
  wish?: Wish,
  scope: Scope = {},
): Promise<Snapshot> {
  const { status, body } = await askPatiently(socket, snapshotPath(wish, scope), nevermind);
  if (status !== OK) throw new Error(body.trim());
  const { snapshot }: SnapshotAnswer = parseVisible(body);
  return freshlyNamed(snapshotFromJson(snapshot));
}

/** The same of an agent of which nothing is known yet; undefined: none of this version answers. */
export async function askFirstSnapshot(
  socket: string,
  limit: AbortSignal,
  wish: Wish | undefined,
  scope: Scope,
): Promise<Snapshot | undefined> {
  const answer = await askPatiently(socket, snapshotPath(wish, scope), limit).catch(() => undefined);
  if (!answer) return undefined;
  if (answer.status !== OK) throw new Error(answer.body.trim());
  const first: SnapshotAnswer = parseVisible(answer.body);
  return isOurs(first) ? freshlyNamed(snapshotFromJson(first.snapshot)) : undefined;
}

function snapshotPath(wish: Wish | undefined, scope: Scope): string {
  const wished: [string, string][] = wish === undefined ? [] : [[wish, 'true']];
  return `/api/v1/snapshot?${new URLSearchParams([...wished, ...wordsOf(scope)])}`;
}

/** Active findings of the last ten seconds; undefined: the agent has just started. Throws one sentence. */
export async function askFindings(
  socket: string,
  limit?: AbortSignal,
): Promise<(Verdict & { readonly seconds: number }) | undefined> {
  const { status, body } = await askPatiently(socket, '/api/v1/findings', limit);
  if (status === NOT_YET) return undefined;
  if (status !== OK) throw new Error(body.trim());
  const { findings, unjudged, seconds }: FindingsAnswer = parseVisible(body);
  return { findings, unjudged, seconds };
}

/** The seconds before `at`, or the steps that are left of them. Throws one sentence. */
export async function askWindow(
  socket: string,
  { at, seconds }: { readonly at: number; readonly seconds: number },
  limit?: AbortSignal,
  scope: Scope = {},
): Promise<readonly Snapshot[]> {
  const query = new URLSearchParams([['at', String(at)], ['seconds', String(seconds)], ...wordsOf(scope)]);
  const { status, body } = await askSocket(socket, `/api/v1/window?${query}`, limit);
  if (status !== OK) throw new Error(body.trim());
  const answer: WindowAnswer = parseVisible(body);
  if (!isOurs(answer))
    throw new Error(
      `The agent is tapscope ${answer.host.version}, this is ${version()}: restart the agent, or use the command of its version.`,
    );
  return answer.snapshots.map(snapshotFromJson);
}

/** Once more where the agent is busy: many commands at once are no reason to fail. */
async function askPatiently(socket: string, path: string, nevermind?: AbortSignal): Promise<Answer> {
  const answer = await askSocket(socket, path, nevermind);
  if (answer.status !== BUSY) return answer;
  await wait(MOMENT_MS);
  return askSocket(socket, path, nevermind);
}

function questionOf({ scope, within }: DeviceQuestion): string {
  return `?${new URLSearchParams([...wordsOf(scope), ['within', String(Math.round(within))]])}`;
}

function wordsOf(scope: Scope): [string, string][] {
  return Object.entries(scope).flatMap(([name, word]) => (word === undefined ? [] : [[name, word]]));
}

function isOurs({ schema, host }: AnyAnswer): boolean {
  return schema === SCHEMA && host.version === version();
}
