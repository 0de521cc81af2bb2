// SPDX-License-Identifier: Apache-2.0
// Every answer that is no page: one sentence of plain text.
import type { FastifyReply } from 'fastify';

export function sendLine(reply: FastifyReply, status: number, line: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${line}\n`);
}

/** For an answer whose place another client gets: refused, or cut off in its midst. */
export function giveWay(reply: FastifyReply): void {
  if (reply.raw.headersSent) reply.raw.destroy();
  else if (!reply.sent) void sendLater(reply, 503, 1, 'Clients that have no place here come first; try again later.');
}

/** Answers a client that may try again. */
export function sendLater(reply: FastifyReply, status: 429 | 503, seconds: number, line: string): FastifyReply {
  return sendLine(reply.header('retry-after', String(Math.max(1, Math.ceil(seconds)))), status, line);
}
