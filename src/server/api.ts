// SPDX-License-Identifier: Apache-2.0
// /api/v1: what the agent saw and what it makes of it, as JSON, for the page, for other commands and for scripts.
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { report } from '../diagnosis/active-findings.ts';
import { judge } from '../diagnosis/judge.ts';
import { ledgerOf } from '../diagnosis/ledger.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { seriesOf } from '../diagnosis/queue-series.ts';
import { TrendBuilder } from '../diagnosis/queue-trends.ts';
import { aroundAsked, narrowed, type Scope } from '../diagnosis/scope.ts';
import { statusOf } from '../diagnosis/status.ts';
import { windowOf } from '../diagnosis/window.ts';
import { typedName } from '../foreign-name.ts';
import { type LiveMessage, SCHEMA } from '../outputs/live-message.ts';
import { snapshotToJson } from '../snapshot/json.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { JSON_TYPE, refuseOld, when } from './answers.ts';
import { createLive } from './live-stream.ts';
import type { Observer } from './observer.ts';
import { notThere } from './refusals.ts';
import { giveWay, sendLater } from './reply-line.ts';
import { createInFlight } from './request-limits.ts';
import { SCOPE_WORDS } from './scope-words.ts';
import { createRequestThrottle, type RequestThrottle } from './throttle.ts';
import { endWithin } from './time-limit.ts';

export interface ApiDependencies {
  readonly observer: Observer;
  readonly takeSnapshot: () => Promise<Snapshot>;
  /** Tells the process that counts that a person asks about this host. */
  readonly ask?: () => void;
  /** A person watches figures that level `exact` alone has. */
  readonly wake?: () => void;
  readonly host: LiveMessage['host'];
  /** Resolves when the process that counts answers, or gets no CPU: each answer has the time of what it tells. Absent: it is this process. */
  readonly pulse?: () => Promise<void>;
  /** 'load 41': the host has no free CPU. */
  readonly load?: () => string | undefined;
}

/** Answers in progress: those that take many milliseconds to make, and those that take a few. */
const MOST = { long: 8, short: 32 };
/** A client that reads more slowly is cut off. */
const WITHIN_MS = { long: 120_000, short: 30_000 };
const number = (least: number, most: number) => ({ type: 'number', minimum: least, maximum: most }) as const;
const at = number(0, 1e11);
/** The window that rules judge each second. */
const JUDGED_SECONDS = 10;
const HALF_HOUR = 1800;
/** What the page draws beside each queue. */
const TREND_SECONDS = 120;

const timed = { type: 'object', properties: { at }, additionalProperties: false } as const;
const spanned = (seconds: number) =>
  ({
    type: 'object',
    properties: { at, seconds: { ...number(1, HALF_HOUR), default: seconds } },
    additionalProperties: false,
  }) as const;
const questioning = {
  type: 'object',
  properties: {
    question: { type: 'boolean', default: false },
    exact: { type: 'boolean', default: false },
    ...SCOPE_WORDS,
  },
  additionalProperties: false,
} as const;
/** Of some devices alone: without free CPU the snapshot of a whole host takes longer than a command waits. */
const windowed = {
  type: 'object',
  properties: { at, seconds: { ...number(1, HALF_HOUR), default: JUDGED_SECONDS }, ...SCOPE_WORDS },
  additionalProperties: false,
} as const;
const deviceParts = {
  netns: { type: 'string', minLength: 1, maxLength: 1020 },
  device: { type: 'string', minLength: 1, maxLength: 1020 },
} as const;
const oneDevice = { type: 'object', properties: deviceParts } as const;
const oneQueue = {
  type: 'object',
  properties: { ...deviceParts, queue: { type: 'integer', minimum: 0, maximum: 65_535 } },
} as const;

/**
 * `question`: the figures that are read for questions alone are wanted too, from the next second on; `exact`: those of level `exact` alone.
 */
interface Questioning extends Scope {
  readonly question: boolean;
  readonly exact: boolean;
}
interface Timed {
  readonly at?: number;
}
interface Spanned extends Timed {
  readonly seconds: number;
}
interface Windowed extends Spanned, Scope {}
interface OneDevice {
  /** Inode number or name. */
  readonly netns: string;
  /** Its name, or that of its owner. */
  readonly device: string;
}
interface OneQueue extends OneDevice {
  readonly queue: number;
}

export function addApi(
  app: FastifyInstance,
  { observer, takeSnapshot, ask = () => undefined, wake = () => undefined, host, pulse, load }: ApiDependencies,
  turns = createRequestThrottle(),
): void {
  const { history } = observer;
  /** The time of the newest step in the history. */
  const now = (): number => history.span?.to ?? 0;
  const header = { schema: SCHEMA, host };

  /** Of a network namespace, by its number or its name of now; undefined: none has that name. */
  function inodeOf(netns: string): number | undefined {
    if (/^\d+$/.test(netns)) return Number(netns);
    const names = history.recent.at(-1)?.agent.namespaceNames ?? new Map<number, string>();
    return [...names].find(([, name]) => name === typedName(netns))?.[0];
  }

  /** A device is meant as commands take it; one that is no more by its name alone. */
  function deviceIn(place: string, typed: string): readonly [netns: number | undefined, device: string] {
    const netns = inodeOf(place);
    const last = history.recent.at(-1);
    const isThere = netns !== undefined && last !== undefined;
    const [meant] = isThere ? narrowed(last, { netns: String(netns), device: typed }).devices : [];
    return [netns, meant?.name ?? typedName(typed)];
  }

  /** The judgement of a past time, from the history; `time` undefined: the latest judgement. */
  function judged(time: number | undefined) {
    const latest = observer.latest();
    if (time === undefined && latest) {
      if (pulse) refuseOld(latest.window);
      const { window, lastSecond, active, unjudged } = latest;
      return { window, lastSecond, findings: active.map(report), unjudged };
    }
    const window = windowOf([...history.window(time ?? now(), JUDGED_SECONDS).snapshots]);
    const { findings, unjudged } = judge(window);
    const since = { since: undefined, seen: window.endedAt };
    return {
      window,
      lastSecond: () => window,
      findings: findings.map((finding) => ({ ...finding, ...since })),
      unjudged,
    };
  }

  /** Admits a request whose answer takes computing, if there is a free place. */
  function admission(kind: keyof typeof MOST) {
    const inFlight = createInFlight(MOST[kind], `${kind} answers`);
    return async ({ ip }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
      // Gone while its password was checked: nothing would tell when it leaves.
      if (reply.raw.destroyed) return reply.hijack();
      const leave = inFlight.enter(ip, () => giveWay(reply));
      if (typeof leave === 'string') return sendLater(reply, 503, 1, leave);
      endWithin(reply, WITHIN_MS[kind]);
      reply.raw.once('close', leave);
      await pulse?.();
      return undefined;
    };
  }
  const long = admission('long');
  const short = admission('short');

  async function sendMade(reply: FastifyReply, make: () => object | Promise<object>): Promise<FastifyReply> {
    const made = await turns(async () => (isOver(reply) ? '' : escapedJson(JSON.stringify(await make()))));
    return isOver(reply) ? reply.hijack() : reply.type(JSON_TYPE).send(made);
  }

  app.get('/api/v1', async () => {
    await pulse?.();
    return { ...header, history: history.span ?? null };
  });

  app.get<{ Querystring: Questioning }>(
    '/api/v1/snapshot',
    { schema: { querystring: questioning }, preHandler: long },
    ({ query: { question, exact, ...scope } }, reply) => {
      if (question) ask();
      else if (exact) wake();
      return sendMade(reply, async () => ({
        ...header,
        snapshot: snapshotToJson(aroundAsked(await takeSnapshot(), scope)),
      }));
    },
  );

  app.get<{ Querystring: Windowed }>(
    '/api/v1/window',
    { schema: { querystring: windowed }, preHandler: long },
    async ({ query: { at: time = now(), seconds, ...scope } }, reply) => {
      const { stepSeconds, snapshots } = history.window(time, seconds);
      const parts = inParts({ ...header, stepSeconds }, snapshots, scope, turns);
      return reply.type(JSON_TYPE).send(Readable.from(parts));
    },
  );

  app.get<{ Querystring: Spanned }>(
    '/api/v1/trends',
    { schema: { querystring: spanned(TREND_SECONDS) }, preHandler: long },
    async ({ query }, reply) => {
      const { at: time = now(), seconds } = query;
      const trends = new TrendBuilder();
      for (const snapshot of history.window(time, seconds).snapshots) {
        if (isOver(reply)) return reply.hijack();
        await turns(() => trends.add(snapshot));
      }
      return sendMade(reply, () => ({ ...header, ...trends.made() }));
    },
  );

  app.get<{ Querystring: Timed }>(
    '/api/v1/findings',
    { schema: { querystring: timed }, preHandler: short },
    ({ query }, reply) =>
      sendMade(reply, () => {
        const { window, findings, unjudged } = judged(query.at);
        return { ...header, ...when(window), findings, unjudged, verdict: statusOf({ findings, unjudged }) };
      }),
  );

  app.get('/api/v1/ended', { preHandler: short }, (_, reply) =>
    sendMade(reply, () => {
      const newest = history.recent.at(-1);
      return { ...header, takenAt: newest?.takenAt ?? null, ended: newest?.agent.ended ?? null };
    }),
  );

  app.get<{ Querystring: Timed }>(
    '/api/v1/queues',
    { schema: { querystring: timed }, preHandler: short },
    ({ query }, reply) =>
      sendMade(reply, () => {
        const { window, lastSecond } = judged(query.at);
        const second = lastSecond();
        const { hiddenDevices } = second.agent;
        return { ...header, ...when(second), queues: queueRates(second, window), hiddenDevices };
      }),
  );

  app.get<{ Querystring: Spanned; Params: OneQueue }>(
    '/api/v1/queues/:netns/:device/:queue/history',
    { schema: { querystring: spanned(HALF_HOUR), params: oneQueue }, preHandler: short },
    async ({ query, params: { netns: place, device: typed, queue } }, reply) => {
      const { at: time = now(), seconds } = query;
      const [netns, device] = deviceIn(place, typed);
      if (query.at === undefined) wake();
      return sendMade(reply, () => {
        const series = netns === undefined ? undefined : seriesOf(history.device(netns, device, time, seconds), queue);
        if (series && series.takenAt.length > 0) return { ...header, netns, device, queue, ...series };
        const [name, where] = [device, place].map((one) => escapedJson(JSON.stringify(one)));
        throw notThere(`There was no queue ${queue} of ${name} in network namespace ${where} then.`);
      });
    },
  );

  app.get<{ Querystring: Spanned; Params: OneDevice }>(
    '/api/v1/ledger/:netns/:device',
    { schema: { querystring: spanned(JUDGED_SECONDS), params: oneDevice }, preHandler: short },
    async ({ query, params: { netns: place, device: typed } }, reply) => {
      const { at: time = now(), seconds } = query;
      const [netns, device] = deviceIn(place, typed);
      return sendMade(reply, () => {
        const window = windowOf([...history.window(time, seconds).snapshots]);
        const span = window.devices.find(({ now: { netns: its, name } }) => its === netns && name === device);
        const ledger = span && ledgerOf(span);
        if (ledger) return { ...header, netns, device, takenAt: window.endedAt, seconds: span.seconds, ...ledger };
        const [name, where] = [device, place].map((one) => escapedJson(JSON.stringify(one)));
        throw notThere(`There were no counters of ${name} in network namespace ${where} then.`);
      });
    },
  );

  const live = createLive(observer, host, load);
  app.addHook('preClose', async () => live.close());
  app.get('/api/v1/live', (request, reply) => live.join(request, reply));
}

/** The client of the reply has gone, or gave way. */
function isOver({ raw, sent }: FastifyReply): boolean {
  return sent || raw.destroyed;
}

/** One snapshot at a time: all of them as one text would be many megabytes, and hold the agent up. */
async function* inParts(
  head: object,
  snapshots: Iterable<Snapshot>,
  scope: Scope,
  turns: RequestThrottle,
): AsyncGenerator<string> {
  let before = `${JSON.stringify(head).slice(0, -1)},"snapshots":[`;
  for (const snapshot of snapshots) {
    const part = await turns(() => escapedJson(JSON.stringify(snapshotToJson(aroundAsked(snapshot, scope)))));
    yield before + part;
    before = ',';
  }
  yield ']}\n';
}
