// SPDX-License-Identifier: Apache-2.0
// `tapscope top`: every queue, live; as a list for tickets with -b.
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Scope } from '../diagnosis/scope.ts';
import { agentPid } from '../kernel/agent-lock.ts';
import { onEndingSignal } from '../kernel/processes/ending-signal.ts';
import { listOf } from '../outputs/top-list.ts';
import { makeRows } from '../outputs/top-rows.ts';
import { renderTop, type TopPicture } from '../outputs/top-screen.ts';
import { tapscope } from '../own-command.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { parseDuration } from './options/duration.ts';
import { isComplete, type QueuesSeen, QueueWatch } from './queue-watch.ts';
import { openScreen } from './terminal/screen.ts';
import { layoutOf } from './terminal/terminal.ts';
import { afterKey, FIRST_STATE } from './top-keys.ts';

interface TopOptions {
  readonly scope: Scope;
  readonly batch: boolean;
  /** Updates, as -n has it; undefined: until the user ends it. */
  readonly count: string | undefined;
  readonly delay: string;
  readonly json: boolean;
  readonly mechanisms: readonly string[];
  /** Where an agent may listen. */
  readonly socket: string;
}

type Show = (seen: QueuesSeen) => void;

export async function top(options: TopOptions): Promise<void> {
  const isBatch = options.batch || options.json;
  if (!isBatch && !(process.stdin.isTTY && process.stdout.isTTY))
    throw new Error(`top needs a terminal; '${tapscope('top -b -n 1')}' writes the list once.`);
  const delayMs = 1000 * parseDuration('--delay', options.delay, { least: 0.5, most: 3600 });
  const count = parseCount(options.count);
  const agent = agentPid();
  const watch = new QueueWatch(options.scope, options);
  const end = new AbortController();
  const ended = once(end.signal, 'abort').then(() => undefined);
  try {
    const remembered = await watch.remembered();
    if (!remembered) await watch.start();
    const beside = (): string => (agent === undefined ? '' : besideAgent(agent, watch.isAgent));
    const show = isBatch ? showList(options.json, beside, end) : showLive(beside, end);
    try {
      const isFirst = remembered !== undefined && isComplete(remembered);
      if (remembered && (isFirst || !isBatch)) show.show(remembered);
      let shown = isFirst ? 1 : 0;
      if (remembered && shown < count) await watch.start();
      while (shown < count && !end.signal.aborted) {
        await wait(delayMs, undefined, { signal: end.signal }).catch(() => undefined);
        const seen = end.signal.aborted ? undefined : await Promise.race([watch.look(), ended]);
        if (seen) show.show(seen);
        if (seen) shown += 1;
      }
    } finally {
      show.close();
    }
  } finally {
    watch.close();
  }
}

function besideAgent(pid: number, isAgent: boolean): string {
  return isAgent ? `, by the agent (pid ${pid})` : `; the agent (pid ${pid}) costs its own`;
}

/** A list has no keys to unfold idle queues, so it shows them. */
const LIST = { ...FIRST_STATE.view, showsIdle: true };

function showList(json: boolean, beside: () => string, end: AbortController): { readonly show: Show; close(): void } {
  const stop = (): void => end.abort();
  process.stdout.once('error', stop); // who read it went away
  onEndingSignal(['SIGINT', 'SIGTERM'], stop);
  const layout = layoutOf(process.stdout);
  const wide = process.stdout.isTTY ? layout : { ...layout, width: Number.POSITIVE_INFINITY };
  return {
    show: (seen) => {
      const { takenAt, seconds, rates, agent } = seen;
      const { level, overhead } = agent;
      const report = { schema: 1, takenAt, seconds, level, overhead: Object.fromEntries(overhead), queues: rates };
      const text = json ? escapedJson(JSON.stringify(report)) : `${renderTop(pictureOf(seen, beside()), LIST, wide)}\n`;
      process.stdout.write(`${text}\n`);
    },
    close: () => undefined,
  };
}

function showLive(beside: () => string, end: AbortController): { readonly show: Show; close(): void } {
  let state = FIRST_STATE;
  let picture: TopPicture = {
    takenAt: Date.now() / 1000,
    rows: [],
    snapshot: undefined,
    late: undefined,
    cost: 'first figures in a moment',
  };
  const draw = (): void => {
    const height = process.stdout.rows || 24;
    screen.show(renderTop(picture, state.view, layoutOf(process.stdout), { ...state, height }));
  };
  const screen = openScreen({
    key: (key) => {
      state = afterKey(state, key, listOf(picture.rows, state.view).rows);
      if (state.ended) end.abort();
      else draw();
    },
    redraw: () => draw(),
    end: () => end.abort(),
  });
  draw();
  return {
    show: (seen) => {
      picture = pictureOf(seen, beside());
      draw();
    },
    close: () => screen.close(),
  };
}

function pictureOf(
  { takenAt, rates, findings, ownCpu, agent, snapshot, late }: QueuesSeen,
  beside: string,
): TopPicture {
  const kernel = agent.overhead.get('kernel');
  const measured =
    kernel === undefined ? 'not measured while packets are few' : `${(100 * kernel).toFixed(2)} % of all CPUs`;
  const counts = agent.probes.some(({ event, attached }) => event === 'transmit' && attached);
  const how = counts
    ? `in the kernel ${measured}, level ${agent.level}`
    : `nothing counts here, and what is shown are the kernel's own counters: '${tapscope('doctor')}' says why`;
  const cost = `This costs ${(100 * ownCpu).toFixed(1)} % of a CPU; ${how}${beside}`;
  return { takenAt, rows: makeRows(rates, findings), snapshot, late, cost };
}

function parseCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`-n ${text} is not a number of updates; write for example -n 1.`);
}
