// SPDX-License-Identifier: Apache-2.0
// GET /metrics: which form, how long to wait, compressed or not.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contentTypes } from '../outputs/prometheus/formats.ts';
import { acceptsGzip, negotiateFormat } from './accept.ts';
import { sendLine } from './reply-line.ts';
import type { Scrape } from './scrape.ts';
import { endWithin } from './time-limit.ts';

/** For clients that do not say how long they wait: Prometheus's usual time. */
const usualTimeoutSeconds = 10;
/** No snapshot is taken in less: who waits for so short a time is mistaken, and not an error of the agent. */
const shortestTimeoutSeconds = 0.1;
/** No client holds a page for longer. */
const longestTimeoutSeconds = 120;

export async function sendMetrics(scrape: Scrape, request: FastifyRequest, reply: FastifyReply) {
  const { headers, method } = request;
  const format = negotiateFormat(headers.accept);
  const gzip = acceptsGzip(headers['accept-encoding']?.toString());
  reply.type(contentTypes[format]).header('vary', 'accept, accept-encoding').header('cache-control', 'no-store');
  if (gzip) reply.header('content-encoding', 'gzip');
  if (method === 'HEAD') return reply.send();
  const timeoutSeconds = readTimeout(headers['x-prometheus-scrape-timeout-seconds']);
  if (timeoutSeconds < shortestTimeoutSeconds) {
    reply.removeHeader('content-encoding');
    return sendLine(
      reply,
      400,
      `A scrape timeout of ${timeoutSeconds} s is shorter than any answer takes: set scrape_timeout to ${shortestTimeoutSeconds} s or more.`,
    );
  }
  endWithin(reply, 1000 * timeoutSeconds);
  // An error up to here can still become an error page.
  const plain = (error: unknown): never => {
    reply.removeHeader('content-encoding');
    throw error;
  };
  const chunks = await scrape({ format, gzip }, 0.9 * timeoutSeconds).catch(plain);
  if (reply.sent) return reply;
  const first = await chunks.next().catch(plain);
  return reply.send(Readable.from(startingWith(first, chunks), { objectMode: false }));
}

function readTimeout(header: string | readonly string[] | undefined): number {
  const seconds = Number(header);
  return seconds > 0 ? Math.min(seconds, longestTimeoutSeconds) : usualTimeoutSeconds;
}

async function* startingWith(
  first: IteratorResult<Buffer, void>,
  rest: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  if (!first.done) yield first.value;
  yield* rest;
}
