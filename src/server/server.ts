// SPDX-License-Identifier: Apache-2.0
// The HTTP server: /metrics, /, /-/healthy, /-/ready, and 404 for everything else.
import { networkInterfaces } from 'node:os';
import { type FastifyInstance, type FastifyReply, fastify, LogController } from 'fastify';
import { createRegistry, type PrometheusOptions } from '../outputs/prometheus.ts';
import type { Snapshot } from '../snapshot.ts';
import { landingPage } from './landing-page.ts';
import { formatAddress, isLoopback, type ListenAddress, listenError } from './listen-address.ts';
import { sendMetrics } from './metrics-page.ts';
import { createScrape } from './scrape.ts';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

export const logLevels: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];

export interface ServerOptions {
  readonly listen: ListenAddress;
  /** Requests are logged at debug. */
  readonly logLevel: LogLevel;
  readonly prometheus: PrometheusOptions;
}

export interface ServerDependencies {
  /** A fresh one, complete as far as the host allows. */
  readonly takeSnapshot: () => Promise<Snapshot>;
  /** Why nothing can be measured yet; undefined: the mechanisms are decided and a first snapshot was taken. */
  readonly notReady: () => string | undefined;
}

export interface RunningServer {
  /** HOST:PORT as listened on, with the port that was found if 0 was asked for. */
  readonly address: string;
  /** Lets running scrapes finish, for 2 s at most. */
  readonly close: () => Promise<void>;
}

const closeGraceMs = 2000;

export async function startServer(options: ServerOptions, dependencies: ServerDependencies): Promise<RunningServer> {
  const app = createServer(options, dependencies);
  const { host, port } = options.listen;
  try {
    await app.listen({ host: host ?? everyAddress(), port });
  } catch (error) {
    throw listenError(options.listen, error);
  }
  if (!isLoopback(options.listen)) {
    app.log.warn('everybody who reaches this host can read the metrics: no password is asked for');
  }
  return { address: boundAddress(app, options.listen), close: () => close(app) };
}

/** fastify would take a missing host for localhost; :: takes IPv4 too, where the host knows IPv6 at all. */
function everyAddress(): string {
  const known = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return known.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}

function boundAddress(app: FastifyInstance, { host, port }: ListenAddress): string {
  const bound = app.server.address();
  return formatAddress({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port });
}

async function close(app: FastifyInstance): Promise<void> {
  // A connection whose scrape ends only now would otherwise stay open for the next one.
  const idle = setInterval(() => app.server.closeIdleConnections(), 20);
  const force = setTimeout(() => app.server.closeAllConnections(), closeGraceMs);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(force);
  }
}

function createServer({ logLevel, prometheus }: ServerOptions, dependencies: ServerDependencies): FastifyInstance {
  const app = fastify({
    logger: { level: logLevel, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: logLevel !== 'debug' }),
    requestTimeout: 10_000,
    frameworkErrors: (error, _, reply) => sendError(reply, error),
  });
  app.addHook('onRequest', async (_, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  });
  app.setNotFoundHandler((_, reply) => sendLine(reply, 404, 'There is no such page; / lists those there are.'));
  app.setErrorHandler<Error>((error, _, reply) => {
    app.log.error(error);
    return sendError(reply, error);
  });
  addRoutes(app, prometheus, dependencies);
  return app;
}

function addRoutes(app: FastifyInstance, prometheus: PrometheusOptions, dependencies: ServerDependencies): void {
  const warn = (message: string) => app.log.warn(message);
  const scrape = createScrape(createRegistry(prometheus), dependencies.takeSnapshot, warn);
  const landing = landingPage(prometheus.build.version);
  app.get('/metrics', (request, reply) => sendMetrics(scrape, request, reply));
  app.get('/', (_, reply) => reply.type('text/html; charset=utf-8').send(landing));
  app.get('/-/healthy', (_, reply) => sendLine(reply, 200, 'tapscope is alive.'));
  app.get('/-/ready', (_, reply) => {
    const reason = dependencies.notReady();
    if (reason === undefined) return sendLine(reply, 200, 'tapscope is ready.');
    return sendLine(reply, 503, `tapscope is not ready: ${reason}`);
  });
}

/** fastify's own errors, of bad requests, carry a status. */
function sendError(reply: FastifyReply, error: Error & { readonly statusCode?: number }): FastifyReply {
  return sendLine(reply, error.statusCode ?? 500, `This page could not be made: ${error.message}`);
}

function sendLine(reply: FastifyReply, status: number, line: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${line}\n`);
}
