// SPDX-License-Identifier: Apache-2.0
// Every answer that is no page: one sentence of plain text.
import type { FastifyReply } from 'fastify';

export function sendLine(reply: FastifyReply, status: number, line: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${line}\n`);
}

/** For those who may try again. */
export function sendLater(reply: FastifyReply, status: 429 | 503, seconds: number, line: string): FastifyReply {
  return sendLine(reply.header('retry-after', String(Math.max(1, Math.ceil(seconds)))), status, line);
}
