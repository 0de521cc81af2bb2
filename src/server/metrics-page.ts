// SPDX-License-Identifier: Apache-2.0
// GET /metrics: which form, how long to wait, compressed or not.
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contentTypes } from '../outputs/prometheus-text.ts';
import { acceptsGzip, negotiateFormat } from './accept.ts';
import type { Scrape } from './scrape.ts';

export async function sendMetrics(scrape: Scrape, { headers }: FastifyRequest, reply: FastifyReply) {
  const format = negotiateFormat(headers.accept);
  const chunks = await scrape(format, timeoutSeconds(headers['x-prometheus-scrape-timeout-seconds']));
  // What fails, fails here, while it can still be an error page.
  const first = await chunks.next();
  const page = Readable.from(startingWith(first.value ?? '', chunks));
  reply.type(contentTypes[format]).header('vary', 'accept, accept-encoding').header('cache-control', 'no-store');
  if (!acceptsGzip(headers['accept-encoding']?.toString())) return reply.send(page);
  reply.header('content-encoding', 'gzip');
  // Level 1: an eighth of the size, in less than half of the usual level's time. That a client went away needs no report.
  return reply.send(pipeline(page, createGzip({ level: 1 }), () => undefined));
}

/** Most of what Prometheus says it waits; clients that do not say get most of its usual 10 s. */
function timeoutSeconds(header: string | readonly string[] | undefined): number {
  const seconds = Number(header);
  return 0.9 * (seconds > 0 && seconds < 600 ? seconds : 10);
}

async function* startingWith(first: string, rest: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  yield first;
  yield* rest;
}
