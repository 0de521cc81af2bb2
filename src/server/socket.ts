// SPDX-License-Identifier: Apache-2.0
// The API for other commands on this host: over a unix socket (src/kernel/processes/api-socket.ts makes it), to root and the
// operator's group.
import type { Socket } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { isEverything, type Scope } from '../diagnosis/scope.ts';
import { SCHEMA } from '../outputs/live-message.ts';
import { escapedJson } from '../snapshot/visible.ts';
import type { AgentSelf } from './agent-self.ts';
import { JSON_TYPE, refuseOld } from './answers.ts';
import { type ApiDependencies, addApi } from './api.ts';
import { checkAsked } from './asked-check.ts';
import { askedAnswer, type CheckAnswer, checkAnswer } from './check-answer.ts';
import { answerClientError, createHttpServer } from './http-server.ts';
import { type Failure, sendError, validation } from './refusals.ts';
import { sendLine } from './reply-line.ts';
import { createRequestThrottle } from './throttle.ts';
import { topAnswer } from './top-answer.ts';
import { validateLater } from './validation.ts';

export interface RunningSocket {
  readonly close: () => Promise<void>;
}

/** Why this client may not ask, in a sentence; undefined: it may. */
type Refuse = (client: Socket) => string | undefined;

/** `descriptor`: of a socket that listens; closing the server closes it. */
export async function serveSocket(
  descriptor: number,
  api: ApiDependencies,
  describe: () => AgentSelf | null = () => null,
  refuse: Refuse = () => undefined,
): Promise<RunningSocket> {
  const app = createApp(api, describe, refuse);
  await app.ready();
  await new Promise<void>((resolve, reject) => {
    app.server.once('error', reject).listen({ fd: descriptor }, resolve);
  });
  return {
    close: async () => {
      app.server.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function createApp(api: ApiDependencies, describe: () => AgentSelf | null, refuse: Refuse): FastifyInstance {
  const app = fastify({
    ...validation,
    logger: false,
    forceCloseConnections: true,
    serverFactory: (handler) => createHttpServer(handler, () => undefined),
    clientErrorHandler: answerClientError,
  });
  validateLater(app);
  app.addHook('onRequest', async ({ raw: { socket } }, reply) => {
    const refusal = refuse(socket);
    return refusal === undefined ? undefined : sendLine(reply, 403, refusal);
  });
  app.setNotFoundHandler((_, reply) => sendLine(reply, 404, 'No such page; all pages begin with /api/v1.'));
  app.setErrorHandler<Failure>((error, _, reply) => sendError(reply, error));
  // Only root asks here, and a command waits for the answer.
  addApi(app, api, createRequestThrottle({ share: 1, burstMs: 0 }));
  app.get('/api/v1/agent', async () => {
    await api.pulse?.();
    return { schema: SCHEMA, host: api.host, agent: describe() };
  });
  app.get<{ Querystring: CheckQuery }>(
    '/api/v1/check',
    { schema: { querystring: checked } },
    async ({ query: { within, ...scope } }, reply) => {
      const { host } = api;
      const answer = { schema: SCHEMA, host, ...(await checkOf(api, scope, within, describe)) };
      return reply.type(JSON_TYPE).send(escapedJson(JSON.stringify(answer)));
    },
  );
  app.get<{ Querystring: Scope }>('/api/v1/top', { schema: { querystring: scoped } }, async ({ query }, reply) => {
    const { host, observer, load } = api;
    const answer = topAnswer(observer, query, load?.() !== undefined);
    if (api.pulse) refuseOld({ endedAt: answer.takenAt });
    return reply.type(JSON_TYPE).send(escapedJson(JSON.stringify({ schema: SCHEMA, host, ...answer })));
  });
  return app;
}

/** `within`: milliseconds for the answer, as far as a fresh look takes them. */
type CheckQuery = Scope & { readonly within: number };

const word = { type: 'string', maxLength: 4096 } as const;
const scopeWords = { device: word, vm: word, pod: word, process: word, netns: word };
const scoped = { type: 'object', properties: scopeWords, additionalProperties: false } as const;
const checked = {
  type: 'object',
  properties: { ...scopeWords, within: { type: 'number', minimum: 0, maximum: 10_000, default: 2000 } },
  additionalProperties: false,
} as const;

async function checkOf(
  api: ApiDependencies,
  scope: Scope,
  within: number,
  describe: () => AgentSelf | null,
): Promise<CheckAnswer> {
  if (!isEverything(scope)) {
    const verdict = await checkAsked(api, scope, within);
    if (api.pulse) refuseOld({ endedAt: verdict.last.takenAt });
    return askedAnswer(verdict, describe());
  }
  await api.pulse?.();
  const judged = api.observer.latest();
  if (api.pulse && judged) refuseOld(judged.window);
  return checkAnswer(api.observer, describe());
}
