// SPDX-License-Identifier: Apache-2.0
// /api/v1/live: each second's judgement and queues as server-sent events. Made once for all clients, and not at all without one.
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { report } from '../diagnosis/active-findings.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { statusOf } from '../diagnosis/status.ts';
import { type LateMessage, type LiveMessage, SCHEMA } from '../outputs/live-message.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { when } from './answers.ts';
import type { Observation, Observer } from './observer.ts';
import { sendLater } from './reply-line.ts';
import { createInFlight } from './request-limits.ts';

interface Live {
  readonly join: (request: FastifyRequest, reply: FastifyReply) => FastifyReply;
  /** Ends all, so that a server can close. */
  readonly close: () => void;
}

/** People in front of the page, not programs by the hundred. */
const MOST_CLIENTS = 20;
/** A judgement comes each second, and of a busy agent less often: what is older by so many of these is late. */
const LATE_SECONDS = 3;
const LOOK_EVERY_MS = 1000;
/** A client that has not taken an event for so long is gone, even if its connection is open. */
const PATIENCE_EVENTS = 30;

/** `load`: 'load 41' of a host without free CPU. */
export function createLive(
  observer: Observer,
  host: LiveMessage['host'],
  load: () => string | undefined = () => undefined,
): Live {
  const inFlight = createInFlight(MOST_CLIENTS, 'live views');
  /** The number of events in a row that each client has missed. */
  const clients = new Map<ServerResponse, number>();
  let deafen: (() => void) | undefined;

  function hear(observation: Observation): void {
    send(eventOf(observation, host));
  }

  function send(event: string): void {
    for (const [client, missed] of clients) {
      // The last event is still on its way: nothing is kept for later, the next event tells all there is.
      if (!client.writableNeedDrain) client.write(event);
      else if (missed >= PATIENCE_EVENTS) client.destroy();
      clients.set(client, client.writableNeedDrain ? missed + 1 : 0);
    }
  }

  function leave(client: ServerResponse): void {
    clients.delete(client);
    if (clients.size > 0) return;
    deafen?.();
    deafen = undefined;
  }

  function hearAll(): () => void {
    const end = observer.listen(hear);
    const timer = setInterval(() => {
      const age = ageOf(observer.latest());
      if (age === undefined) return;
      const late: LateMessage = { age, load: load() };
      send(`event: late\ndata: ${JSON.stringify(late)}\n\n`);
    }, LOOK_EVERY_MS);
    return () => {
      clearInterval(timer);
      end();
    };
  }

  function join(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (request.raw.destroyed) return reply.hijack();
    const giveBack = inFlight.enter(request.ip, () => reply.raw.end());
    if (typeof giveBack === 'string') return sendLater(reply, 503, 5, giveBack);
    const client = reply.raw;
    client.once('close', () => {
      giveBack();
      leave(client);
    });
    // nginx and those that follow it collect an answer before they pass it on, unless it says this.
    reply.type('text/event-stream; charset=utf-8').headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    reply.hijack();
    client.writeHead(
      200,
      Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])),
    );
    if (request.method === 'HEAD') client.end();
    else {
      const latest = observer.latest();
      client.write(latest ? eventOf(latest, host) : ': the first event comes in a second\n\n');
      clients.set(client, 0);
      deafen ??= hearAll();
    }
    return reply;
  }

  return {
    join,
    close: () => {
      for (const client of clients.keys()) client.end();
    },
  };
}

/** Seconds; undefined: it is of now, or there is none yet. */
function ageOf(latest: Observation | undefined): number | undefined {
  if (!latest) return undefined;
  const { seconds = 1, judgedEvery = 1 } = latest.window.agent.pace ?? {};
  const age = Date.now() / 1000 - latest.window.endedAt;
  return age > LATE_SECONDS * Math.max(1, seconds * judgedEvery) ? age : undefined;
}

function eventOf({ window, lastSecond, active, unjudged }: Observation, host: LiveMessage['host']): string {
  const findings = active.map(report);
  const second = lastSecond();
  const message: LiveMessage = {
    schema: SCHEMA,
    host,
    ...when(second),
    verdict: statusOf({ findings, unjudged }),
    findings,
    unjudged,
    queues: queueRates(second, window),
    hiddenDevices: window.agent.hiddenDevices,
  };
  return `id: ${window.endedAt}\ndata: ${escapedJson(JSON.stringify(message))}\n\n`;
}
