// SPDX-License-Identifier: Apache-2.0
// A client that reads too slowly, or not at all, is cut off: it would hold its answer for ever.
import type { FastifyReply } from 'fastify';

export function endWithin({ raw }: FastifyReply, ms: number): void {
  const late = setTimeout(() => raw.req.socket.destroy(), ms);
  raw.once('close', () => clearTimeout(late));
}
