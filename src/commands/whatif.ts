// SPDX-License-Identifier: Apache-2.0
// `tapscope whatif DEVICE`: which txqueuelen would have lost nothing, and what others would have lost.

import { devicesIn, fullName } from '../diagnosis/devices-in.ts';
import { type RingAnswer, ringAnswer } from '../diagnosis/forecast/ring-answer.ts';
import { steadyWindow } from '../diagnosis/forecast/steady-window.ts';
import { queueIn, type Scope } from '../diagnosis/scope.ts';
import { renderWhatIf } from '../outputs/whatif-text.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { escapedJson, visible } from '../snapshot/visible.ts';
import { talkToAgent } from './agent-silence.ts';
import { askFirstSnapshot, askWindow } from './ask-agent.ts';
import { parseDuration } from './options/duration.ts';
import { layoutOf } from './terminal/terminal.ts';
import { untilCut } from './terminal/wait-hint.ts';
import { thisHost } from './version.ts';
import { watchHost } from './watch.ts';

interface WhatIfOptions {
  readonly scope: Scope;
  /** The value of --for; undefined: all that the agent remembers, or half a minute from now on. */
  readonly duration: string | undefined;
  /** The values of --size. */
  readonly sizes: readonly string[];
  readonly json: boolean;
  readonly mechanisms: readonly string[];
  /** Where an agent may listen. */
  readonly socket: string;
}

const HALF_HOUR = '30m';
const HALF_MINUTE = '30s';
/** The timeout for an agent that reads half an hour of a thousand queues out of its history. */
const PATIENCE_MS = 30_000;
/** How much longer it watches where the rings, or what measures them, changed just now. */
const SETTLING_SECONDS = 1;
const MOST_SIZE = 1_000_000;

/** Exit code 0: answered. */
export async function whatif(options: WhatIfOptions): Promise<number> {
  const sizes = options.sizes.map(parseSize);
  const { now, snapshots: past } = await remembered(options);
  const snapshots = past ?? (await watched(options, now));
  const last = snapshots.at(-1);
  if (!last) throw new Error('No snapshot was taken.');
  const { name, id } = theOne(last, options.scope);
  const steady = steadyWindow(snapshots, id);
  if (!steady)
    throw new Error(
      `${visible(name)} or its rings have just changed, so nothing can be said yet; ask again in some seconds.`,
    );
  const host = thisHost();
  const told = ringAnswer(steady, { queue: queueIn(last, options.scope), sizes, kernel: host.kernel });
  process.stdout.write(
    options.json
      ? `${escapedJson(JSON.stringify(jsonOf(told, last.takenAt, host), null, 2))}\n`
      : renderWhatIf(told, layoutOf(process.stdout)),
  );
  return 0;
}

interface Remembered {
  /** Taken just now; undefined: no agent of this version answers. */
  readonly now?: Snapshot;
  /** The agent's history up to now; undefined: it has just started, or it rested. */
  readonly snapshots?: readonly Snapshot[];
}

async function remembered({ scope, duration, mechanisms, socket }: WhatIfOptions): Promise<Remembered> {
  const seconds = parseDuration('--for', duration ?? HALF_HOUR, { least: 2, most: 1800 });
  if (mechanisms.length > 0) return {};
  const { said } = await talkToAgent(socket, PATIENCE_MS, async (limit) => {
    const now = await askFirstSnapshot(socket, limit, 'exact', scope);
    if (!now) return {};
    theOne(now, scope);
    // It followed no overflow until now, and does from the next second on.
    if (now.agent.level === 'rest') return { now };
    const past = await askWindow(socket, { at: now.takenAt, seconds }, limit, scope).catch(() => []);
    const snapshots = [...past.filter(({ takenAt }) => takenAt < now.takenAt), now];
    return snapshots.length > 1 ? { now, snapshots } : { now };
  });
  return said ?? {};
}

/** `first`: of the agent, which is not asked for another at the begin. */
async function watched(
  { scope, duration, mechanisms, socket }: WhatIfOptions,
  first: Snapshot | undefined,
): Promise<Snapshot[]> {
  const seconds = parseDuration('--for', duration ?? HALF_MINUTE, { least: 2, most: 1800 });
  const snapshots: Snapshot[] = [];
  await untilCut(`watching for ${seconds} s, Ctrl-C answers from what was seen until then`, (signal, begun) =>
    watchHost({
      seconds,
      socket,
      mechanisms,
      scope,
      first,
      signal,
      begun,
      keep: (snapshot) => {
        if (snapshot.takenAt > (snapshots.at(-1)?.takenAt ?? 0)) snapshots.push(snapshot);
      },
      check: (seen) => theOne(seen, scope),
      longer: () => (isSteady(snapshots, scope) ? 0 : SETTLING_SECONDS),
    }),
  );
  return snapshots;
}

/** Where no CPU is free the agent follows overflows later than from the next second on. */
function isSteady(snapshots: readonly Snapshot[], scope: Scope): boolean {
  const last = snapshots.at(-1);
  return last !== undefined && steadyWindow(snapshots, theOne(last, scope).id) !== undefined;
}

/** Throws one sentence where there is none, or there are several. */
function theOne(snapshot: Snapshot, scope: Scope): Device {
  const [one, ...others] = devicesIn(snapshot, scope);
  if (one && others.length === 0) return one;
  const names = [one, ...others].map((device) => device && fullName(device, snapshot));
  throw new Error(
    `${visible(scope.device ?? '')} may be ${names.length} devices; choose one: ${visible(names.join(', '))}.`,
  );
}

function parseSize(text: string): number {
  const size = /^\d+$/.test(text) ? Number(text) : 0;
  if (size > 0 && size <= MOST_SIZE) return size;
  throw new Error(`--size=${text} is not a number of packets from 1 to ${MOST_SIZE}; write for example --size 2000.`);
}

function jsonOf(
  { netns, device, seconds, answer, forecast, backpressure, command, limits }: RingAnswer,
  takenAt: number,
  host: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const { size, advised, loss, highwater, isHopeless, sizes, queues } = forecast;
  return {
    schema: 1,
    takenAt,
    seconds,
    host,
    netns,
    device,
    answer,
    offered: loss.offered,
    lost: loss.lost,
    share: loss.share,
    size,
    highwater,
    advised,
    helps: !isHopeless,
    sizes,
    queues: queues.map(({ queue, capacity, loss: { offered, lost }, needed, episodes, open, stuck, unexplained }) => ({
      queue,
      capacity,
      offered,
      lost,
      needed,
      episodes,
      open,
      unexplained,
      stuck,
    })),
    backpressure,
    command,
    limits,
  };
}
