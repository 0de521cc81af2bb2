// SPDX-License-Identifier: Apache-2.0
// /api/v1: what the agent saw and what it makes of it, as JSON, for the page, for other commands and for programs.
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { tell } from '../diagnosis/active-findings.ts';
import { judge } from '../diagnosis/judge.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { seriesOf } from '../diagnosis/queue-series.ts';
import { answerOf } from '../diagnosis/status.ts';
import { windowOf } from '../diagnosis/window.ts';
import { type LiveMessage, SCHEMA } from '../outputs/live-message.ts';
import { snapshotToJson } from '../snapshot/json.ts';
import type { Snapshot } from '../snapshot.ts';
import { when } from './answers.ts';
import { createLive } from './live-stream.ts';
import type { Observer } from './observer.ts';
import { sendLater, sendLine } from './reply-line.ts';
import { createInFlight } from './request-limits.ts';

export interface ApiDependencies {
  readonly observer: Observer;
  readonly takeSnapshot: () => Promise<Snapshot>;
  readonly host: LiveMessage['host'];
}

/** Answers that take many milliseconds to make. */
const MOST_AT_ONCE = 8;
const number = (least: number, most: number) => ({ type: 'number', minimum: least, maximum: most }) as const;
const at = number(0, 1e11);
/** What rules look at each second. */
const JUDGED_SECONDS = 10;
const HALF_HOUR = 1800;

const timed = { type: 'object', properties: { at }, additionalProperties: false } as const;
const spanned = (seconds: number) =>
  ({
    type: 'object',
    properties: { at, seconds: { ...number(1, HALF_HOUR), default: seconds } },
    additionalProperties: false,
  }) as const;
const oneQueue = {
  type: 'object',
  properties: {
    netns: { type: 'integer', minimum: 0 },
    device: { type: 'string', minLength: 1, maxLength: 15 },
    queue: { type: 'integer', minimum: 0, maximum: 65_535 },
  },
} as const;

interface Timed {
  readonly at?: number;
}
interface Spanned extends Timed {
  readonly seconds: number;
}
interface OneQueue {
  readonly netns: number;
  readonly device: string;
  readonly queue: number;
}

export function addApi(app: FastifyInstance, { observer, takeSnapshot, host }: ApiDependencies): void {
  const { history } = observer;
  const inFlight = createInFlight(MOST_AT_ONCE, 'long answers');
  /** Of the newest step there is. */
  const now = (): number => history.span?.to ?? 0;
  const header = { schema: SCHEMA, host };

  /** Of a time, from the history; of none, as it was judged last. */
  function judged(time: number | undefined) {
    const latest = observer.latest();
    if (time === undefined && latest) {
      const { window, lastSecond, standing, unjudged } = latest;
      return { window, lastSecond, findings: standing.map(tell), unjudged };
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

  /** To a long answer, if there is a place. */
  async function admit({ ip }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    // Gone while its password was checked: nothing would tell when it leaves.
    if (reply.raw.destroyed) return reply.hijack();
    const leave = inFlight.enter(ip);
    if (typeof leave === 'string') return sendLater(reply, 503, 1, leave);
    reply.raw.once('close', leave);
    return undefined;
  }

  app.get('/api/v1', () => ({ ...header, history: history.span ?? null }));

  app.get('/api/v1/snapshot', { preHandler: admit }, async () => ({
    ...header,
    snapshot: snapshotToJson(await takeSnapshot()),
  }));

  app.get<{ Querystring: Spanned }>(
    '/api/v1/window',
    { schema: { querystring: spanned(JUDGED_SECONDS) }, preHandler: admit },
    async ({ query }, reply) => {
      const { at: time = now(), seconds } = query;
      const { stepSeconds, snapshots } = history.window(time, seconds);
      const parts = inParts({ ...header, stepSeconds }, snapshots);
      return reply.type('application/json; charset=utf-8').send(Readable.from(parts));
    },
  );

  app.get<{ Querystring: Timed }>('/api/v1/findings', { schema: { querystring: timed } }, async ({ query }) => {
    const { window, findings, unjudged } = judged(query.at);
    return { ...header, ...when(window), findings, unjudged, verdict: answerOf({ findings, unjudged }) };
  });

  app.get<{ Querystring: Timed }>('/api/v1/queues', { schema: { querystring: timed } }, async ({ query }) => {
    const { window, lastSecond } = judged(query.at);
    const second = lastSecond();
    return { ...header, ...when(second), queues: queueRates(second, window) };
  });

  app.get<{ Querystring: Spanned; Params: OneQueue }>(
    '/api/v1/queues/:netns/:device/:queue/history',
    { schema: { querystring: spanned(HALF_HOUR), params: oneQueue } },
    async ({ query, params: { netns, device, queue } }, reply) => {
      const { at: time = now(), seconds } = query;
      const steps = history.device(netns, device, time, seconds);
      const series = seriesOf(steps, queue);
      if (series.takenAt.length > 0) return { ...header, netns, device, queue, ...series };
      return sendLine(
        reply,
        404,
        `There was no queue ${queue} of ${JSON.stringify(device)} in network namespace ${netns} then.`,
      );
    },
  );

  const live = createLive(observer, host);
  app.addHook('preClose', async () => live.close());
  app.get('/api/v1/live', (request, reply) => live.join(request, reply));
}

/** One snapshot at a time: all of them as one text would be many megabytes, and hold the agent up. */
async function* inParts(head: object, snapshots: Iterable<Snapshot>): AsyncGenerator<string> {
  let before = `${JSON.stringify(head).slice(0, -1)},"snapshots":[`;
  for (const snapshot of snapshots) {
    yield before + JSON.stringify(snapshotToJson(snapshot));
    before = ',';
    await new Promise(setImmediate);
  }
  yield ']}\n';
}
