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
import { askAbout, askSnapshot, askWindow } from './ask-agent.ts';
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
const MOST_SIZE = 1_000_000;

/** Exit code 0: answered. */
export async function whatif(options: WhatIfOptions): Promise<number> {
  const sizes = options.sizes.map(parseSize);
  const snapshots = (await remembered(options)) ?? (await watched(options));
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

/** The agent's history up to now; undefined: none of this version answers, it has just started, or it rested. */
async function remembered({ scope, duration, mechanisms, socket }: WhatIfOptions): Promise<Snapshot[] | undefined> {
  const seconds = parseDuration('--for', duration ?? HALF_HOUR, { least: 2, most: 1800 });
  if (mechanisms.length > 0) return undefined;
  const { said } = await talkToAgent(socket, PATIENCE_MS, async (limit) => {
    if ((await askAbout(socket, limit)) !== 'same version') return undefined;
    const now = await askSnapshot(socket, limit, 'exact');
    theOne(now, scope);
    // It followed no overflow until now, and does from the next second on.
    if (now.agent.level === 'rest') return undefined;
    const past = await askWindow(socket, { at: now.takenAt, seconds }, limit).catch(() => []);
    return [...past.filter(({ takenAt }) => takenAt < now.takenAt), now];
  });
  return said && said.length > 1 ? said : undefined;
}

async function watched({ scope, duration, mechanisms, socket }: WhatIfOptions): Promise<Snapshot[]> {
  const seconds = parseDuration('--for', duration ?? HALF_MINUTE, { least: 2, most: 1800 });
  const snapshots: Snapshot[] = [];
  await untilCut(`watching for ${seconds} s, Ctrl-C answers from what was seen until then`, (signal, begun) =>
    watchHost({
      seconds,
      socket,
      mechanisms,
      signal,
      begun,
      keep: (snapshot) => {
        if (snapshot.takenAt > (snapshots.at(-1)?.takenAt ?? 0)) snapshots.push(snapshot);
      },
      check: (first) => theOne(first, scope),
    }),
  );
  return snapshots;
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
