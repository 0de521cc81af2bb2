// SPDX-License-Identifier: Apache-2.0
// The HTTP server: /metrics, /api/v1, /, /-/healthy, /-/ready, and 404 for everything else.
import type { Server } from 'node:http';
import { hostname, networkInterfaces } from 'node:os';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { AgentLog } from '../log/log.ts';
import { createMetricsPage, type PrometheusOptions } from '../outputs/prometheus/prometheus-page.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Exports } from '../subjects/scrape-metrics.ts';
import { addApi } from './api.ts';
import { exposure } from './exposure.ts';
import { createGuard, NO_PAGE } from './guard.ts';
import { createHostCheck } from './host-check.ts';
import { answerClientError, createHttpServer, renewCertificate } from './http-server.ts';
import { formatAddress, type ListenAddress, listenError } from './listen-address.ts';
import { addLivePage } from './live-page.ts';
import { sendMetrics } from './metrics-page.ts';
import type { Observer } from './observer.ts';
import { pageWords } from './page-summary.ts';
import { type Failure, sendError, statusOf, validation } from './refusals.ts';
import { giveWay, sendLater, sendLine } from './reply-line.ts';
import { createInFlight } from './request-limits.ts';
import { createScraper, type Scraper, type ShownRows } from './scrape.ts';
import { validateLater } from './validation.ts';
import { type LiveWebConfig, plainHttp } from './web-config/file.ts';

export interface ServerOptions {
  readonly listen: ListenAddress;
  /** Names by which it may be asked, beside addresses and localhost; '*': any. */
  readonly allowedHosts: readonly string[];
  readonly prometheus: PrometheusOptions;
  /** The folder where the build put the live page. */
  readonly pageFolder: string;
}

export interface ServerDependencies {
  /** Requests are logged at debug. */
  readonly log: AgentLog;
  /** Closed with the server; absent: plain HTTP, no password. */
  readonly web?: LiveWebConfig;
  /** Called when the port is taken, before any client is accepted. */
  readonly listening?: () => void;
  /** A fresh one, complete as far as the host allows. */
  readonly takeSnapshot: () => Promise<Snapshot>;
  readonly observer: Observer;
  /** A person asks about this host, as for the API. */
  readonly ask?: () => void;
  /** A person watches figures that level `exact` alone has. */
  readonly wake?: () => void;
  /** Resolves once the counting process answers, as for the API; absent: this process counts. */
  readonly pulse?: () => Promise<void>;
  /** Why nothing can be measured yet; undefined: the mechanisms are decided and a first snapshot was taken. */
  readonly notReady: () => string | undefined;
  /** 'load 41': the host has no free CPU; absent: nobody asks. */
  readonly load?: () => string | undefined;
  /** Counts of exports to a collector; undefined: there is none. */
  readonly exports?: () => Exports | undefined;
}

type Dependencies = ServerDependencies & { readonly web: LiveWebConfig };

export interface RunningServer {
  /** HOST:PORT as listened on, with the port that was found if 0 was asked for. */
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** One sentence on who can read the metrics that was not meant to; undefined: no client. */
  readonly exposure: () => string | undefined;
  readonly isListening: () => boolean;
  /** The rows of /metrics now. */
  readonly rows: () => Promise<ShownRows>;
  /** Lets running scrapes finish, for 2 s at most. */
  readonly close: () => Promise<void>;
}

const closeGraceMs = 2000;
/** The default of node_exporter. */
const maxScrapes = 40;

export async function startServer(options: ServerOptions, given: ServerDependencies): Promise<RunningServer> {
  const { listen } = options;
  const dependencies = { web: plainHttp, ...given };
  const { web } = dependencies;
  const open = () => exposure(listen, web.current());
  const servers: Server[] = [];
  const { app, scraper } = await createApp(options, dependencies, servers);
  try {
    await app.listen({ host: listen.host ?? everyAddress(), port: listen.port });
  } catch (error) {
    await app.close();
    throw listenError(listen, error);
  }
  const warning = open();
  if (warning !== undefined) app.log.warn(warning);
  return {
    address: boundAddress(app, listen),
    scheme: web.current().tls === undefined ? 'http' : 'https',
    exposure: open,
    isListening: () => servers.length > 0 && servers.every(({ listening }) => listening),
    rows: scraper.rows,
    close: () => close(app, servers),
  };
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

async function close(app: FastifyInstance, servers: readonly Server[]): Promise<void> {
  // A connection whose scrape ends only now would otherwise stay open for the next one.
  const idle = setInterval(() => servers.map((server) => server.closeIdleConnections()), 20);
  const force = setTimeout(() => servers.map((server) => server.closeAllConnections()), closeGraceMs);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(force);
  }
}

/** `servers`: every one that listens, as localhost may be two addresses. */
async function createApp(
  options: ServerOptions,
  dependencies: Dependencies,
  servers: Server[],
): Promise<{ readonly app: FastifyInstance; readonly scraper: Scraper }> {
  const { allowedHosts } = options;
  const { web, listening, log } = dependencies;
  const { level } = log.options;
  const guard = createGuard(web.current(), createHostCheck(allowedHosts));
  // serving.ts announces the address in other words.
  const logger: FastifyBaseLogger = log.logger.child({}, { level: level === 'info' ? 'warn' : level });
  const app = fastify({
    ...validation,
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: level !== 'debug' }),
    serverFactory: (handler) => {
      const server = createHttpServer(handler, () => web.current().tls);
      if (servers.length === 0 && listening) server.once('listening', listening);
      servers.push(server);
      return server;
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _, reply) => {
      guard.addHeaders(reply);
      return sendError(reply, error);
    },
  });
  validateLater(app);
  await guard.install(app);
  web.watch({
    changed: (config) => {
      guard.use(config);
      for (const server of servers) renewCertificate(server, config.tls);
    },
    refused: (sentence) => app.log.warn(sentence),
  });
  app.addHook('onClose', async () => web.close());
  app.setNotFoundHandler((_, reply) => sendLine(reply, 404, NO_PAGE));
  app.setErrorHandler<Failure>((error, _, reply) => {
    if (statusOf(error) >= 500) app.log.error(error);
    return sendError(reply, error);
  });
  return { app, scraper: addRoutes(app, options, dependencies) };
}

function addRoutes(
  app: FastifyInstance,
  { listen, prometheus, pageFolder }: ServerOptions,
  dependencies: Dependencies,
): Scraper {
  const { web } = dependencies;
  const scraper = createScraper(createMetricsPage(prometheus), {
    takeSnapshot: dependencies.takeSnapshot,
    exposed: () => exposure(listen, web.current()) !== undefined,
    findings: () => dependencies.observer.active(Date.now() / 1000),
    exports: () => dependencies.exports?.(),
    warn: (message) => app.log.warn(message),
  });
  const inFlight = createInFlight(maxScrapes, 'scrapes');
  app.get('/metrics', (request, reply) => {
    // Gone while its password was checked: nothing would tell when it leaves.
    if (reply.raw.destroyed) return reply.hijack();
    const leave = inFlight.enter(request.ip, () => giveWay(reply));
    if (typeof leave === 'string') return sendLater(reply, 503, 1, leave);
    reply.raw.once('close', leave);
    return sendMetrics(scraper.page, request, reply);
  });
  addLivePage(app, pageFolder, pageWords(dependencies.observer));
  app.get('/-/healthy', (_, reply) => sendLine(reply, 200, 'tapscope is alive.'));
  app.get('/-/ready', (_, reply) => {
    const reason = dependencies.notReady();
    if (reason === undefined) return sendLine(reply, 200, 'tapscope is ready.');
    return sendLine(reply, 503, `tapscope is not ready: ${reason}`);
  });
  const { kernel, version } = prometheus.build;
  addApi(app, { ...dependencies, host: { kernel, version, name: hostname() } });
  return scraper;
}
