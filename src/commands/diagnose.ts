// SPDX-License-Identifier: Apache-2.0
// `tapscope diagnose`: watches for a while, then says what is wrong with which queue, why, and what to type.
import { devicesIn } from '../diagnosis/devices-in.ts';
import type { Scope } from '../diagnosis/scope.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type Silence, talkToAgent } from './agent-silence.ts';
import { askWindow } from './ask-agent.ts';
import { FirewallWatch } from './firewall-watch.ts';
import { parseDuration } from './options/duration.ts';
import { parsePast } from './options/time-of-day.ts';
import { judgeSnapshots, sayVerdict, withSilence } from './run-diagnosis.ts';
import { SilentAgent } from './snapshot-source.ts';
import { soFarOf } from './so-far.ts';
import { untilCut } from './terminal/wait-hint.ts';
import { thisHost } from './version.ts';
import { watchHost } from './watch.ts';

interface DiagnoseOptions {
  readonly scope: Scope;
  /** The value of --for; undefined: ten seconds, or the minute that --at names. */
  readonly duration: string | undefined;
  readonly json: boolean;
  readonly mechanisms: readonly string[];
  /** The value of --at, a time in the agent's history to judge; undefined: from now on. */
  readonly at: string | undefined;
  /** The socket of the agent. */
  readonly socket: string;
}

const USUAL = '10s';
/** The timeout for an agent that reads half an hour of a thousand queues out of its history. */
const PATIENCE_MS = 30_000;

/** Exit code 0: OK, 1: warning, 2: critical, 3: unknown. */
export async function diagnose(options: DiagnoseOptions): Promise<number> {
  return options.at === undefined ? diagnoseNow(options) : diagnoseThen(options, options.at);
}

async function diagnoseThen({ scope, duration, json, socket }: DiagnoseOptions, at: string): Promise<number> {
  const seconds = duration === undefined ? undefined : parseDuration('--for', duration, { least: 2, most: 1800 });
  const asked = parsePast('--at', at, new Date(), seconds);
  const { said: snapshots, silence } = await talkToAgent(socket, PATIENCE_MS, (limit) =>
    // All devices: others of its namespace tell where its packets may be lost (src/diagnosis/rules/not-here.ts).
    askWindow(socket, asked, limit),
  );
  if (!snapshots) throw new SilentAgent(silence ?? { halted: false, words: 'the agent did not answer' });
  return sayVerdict(judgeSnapshots(snapshots, scope, thisHost(), true), json);
}

async function diagnoseNow({ scope, duration, json, mechanisms, socket }: DiagnoseOptions): Promise<number> {
  const seconds = parseDuration('--for', duration ?? USUAL, { least: 2, most: 3600 });
  const snapshots: Snapshot[] = [];
  const firewall = new FirewallWatch(scope);
  // Snapshots from before the agent fell silent are judged, if they are enough.
  const unlessSeen = (error: unknown): Silence => {
    if (error instanceof SilentAgent && snapshots.length > 1) return error.silence;
    throw error;
  };
  const silence = await untilCut(
    `watching for ${seconds} s, Ctrl-C judges what was seen until then`,
    (signal, begun) =>
      watchHost({
        seconds,
        socket,
        mechanisms,
        signal,
        begun,
        keep: (snapshot) => snapshots.push(snapshot),
        check: (first) => {
          devicesIn(first, scope);
          firewall.begin(first);
        },
      }).catch(unlessSeen),
    soFarOf(snapshots, scope),
  );
  const judged = judgeSnapshots(await firewall.onto(snapshots), scope, thisHost());
  return sayVerdict(withSilence(judged, silence), json);
}
