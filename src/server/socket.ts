// SPDX-License-Identifier: Apache-2.0
// The API for other commands on this host: over a unix socket that only its owner and root may open.
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { type FastifyInstance, fastify } from 'fastify';
import { SCHEMA } from '../outputs/live-message.ts';
import type { AgentSelf } from './agent-self.ts';
import { type ApiDependencies, addApi } from './api.ts';
import { answerClientError, createHttpServer } from './http-server.ts';
import { type Failure, sendError, validation } from './refusals.ts';
import { sendLine } from './reply-line.ts';
import { createTurns } from './turns.ts';

export interface RunningSocket {
  readonly close: () => Promise<void>;
}

/** A folder under /run may be cleared while the agent runs. */
const LOOK_EVERY_MS = 1000;

/** Throws one sentence if it cannot be made. A socket whose file is removed is made again. */
export async function startSocket(
  path: string,
  api: ApiDependencies,
  describe: () => AgentSelf | null = () => null,
): Promise<RunningSocket> {
  let app = await open(path, api, describe);
  let isBusy = false;
  const renew = async (): Promise<void> => {
    if (isBusy || lstatSync(path, { throwIfNoEntry: false })) return;
    isBusy = true;
    // First: it removes the file of its name.
    await app.close();
    app = await open(path, api, describe).catch(() => app);
    isBusy = false;
  };
  const timer = setInterval(() => void renew(), LOOK_EVERY_MS).unref();
  return {
    close: async () => {
      clearInterval(timer);
      await app.close();
    },
  };
}

async function open(path: string, api: ApiDependencies, describe: () => AgentSelf | null): Promise<FastifyInstance> {
  const app = fastify({
    ...validation,
    logger: false,
    forceCloseConnections: true,
    serverFactory: (handler) => createHttpServer(handler, () => undefined),
    clientErrorHandler: answerClientError,
  });
  app.setNotFoundHandler((_, reply) =>
    sendLine(reply, 404, 'There is no such page; what there is begins with /api/v1.'),
  );
  app.setErrorHandler<Failure>((error, _, reply) => sendError(reply, error));
  // Only root asks here, and a command waits.
  addApi(app, api, createTurns({ share: 1, burstMs: 0 }));
  app.get('/api/v1/agent', () => ({ schema: SCHEMA, host: api.host, agent: describe() }));
  try {
    await makeRoom(path);
    await listenPrivately(path, () => app.listen({ path }));
  } catch (error) {
    await app.close();
    const reason = error instanceof Error ? error.message : error;
    throw new Error(
      `the socket ${path} for other commands cannot be made (${reason}): 'tapscope diagnose --at' will find no agent; choose another with --socket.`,
      { cause: error },
    );
  }
  return app;
}

/** What a killed agent left is in the way. A file that is no socket is not ours to remove, nor is the socket of one that listens. */
async function makeRoom(path: string): Promise<void> {
  const folder = dirname(path);
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) throw new Error('another file is there, and it is no socket');
  if (await answers(path)) throw new Error('another agent listens there');
  rmSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Never open to another user, not for a moment. */
async function listenPrivately(path: string, listen: () => Promise<unknown>): Promise<void> {
  const usual = process.umask(0o177);
  try {
    await listen();
  } finally {
    process.umask(usual);
  }
  chmodSync(path, 0o600);
}
