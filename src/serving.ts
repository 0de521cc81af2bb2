// SPDX-License-Identifier: Apache-2.0
// The second process of `tapscope serve`: history, rules, pages and exports. It gets snapshots from the first process, has no rights on the
// host, and may send the requests of REQUESTS, a byte each.
import { access } from 'node:fs/promises';
import { execPath } from 'node:process';
import { createInterface } from 'node:readline';
import { shortOfCpu } from './kernel/load-average.ts';
import { forgetStartSoon } from './kernel/processes/after-start.ts';
import { landlock } from './kernel/processes/landlock.ts';
import { confine } from './kernel/processes/native-processes.ts';
import { leave } from './kernel/processes/own-end.ts';
import { ownOutputs } from './kernel/processes/own-outputs.ts'; // before what loads node:assert
import { whyUnresolved } from './kernel/processes/readable-files.ts';
import { firstProcess } from './kernel/processes/second-process.ts';
import { keepHeapSmall } from './kernel/processes/small-heap.ts';
import { refusalOf } from './kernel/processes/socket-peer.ts';
import { createLog } from './log/agent-log.ts';
import { type AgentLog, announce as announceLines, ownLog, useLog, warn } from './log/log.ts';
import { callTapscope } from './own-command.ts';
import type { AgentSelf } from './server/agent-self.ts';
import { LatestSnapshot } from './server/latest-snapshot.ts';
import { createObserver } from './server/observer.ts';
import { openingsOf } from './server/openings.ts';
import { OtlpExporter } from './server/otlp/otlp-exporter.ts';
import { type RunningServer, startServer } from './server/server.ts';
import type { Message, ServingSetup } from './server/serving-messages.ts';
import { type RunningSocket, serveSocket } from './server/socket.ts';
import { RemoteWebConfig } from './server/web-config/remote.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import { REQUESTS, SnapshotReader } from './snapshot/stream.ts';

/** It looks at the host every second, or every two where the budget is small. */
const SILENT_AFTER_S = 10;

interface Waiting {
  readonly resolve: (snapshot: Snapshot) => void;
  readonly reject: (error: Error) => void;
}

callTapscope(process.env.TAPSCOPE_COMMAND);
const { channel, nextDescriptor } = firstProcess();
const observer = createObserver((goOn) => void setImmediate(goOn));
const reader = new SnapshotReader();
const waiting: Waiting[] = [];
let setup: ServingSetup | undefined;
let web: RemoteWebConfig | undefined;
let server: RunningServer | undefined;
let otlp: OtlpExporter | undefined;
let socket: Promise<RunningSocket> | undefined;
let latest: Snapshot | undefined;
let head: Message['head'];
let openings: readonly string[] = [];
let answered: Promise<void> | undefined;
let announce: () => void = () => undefined;
let isExporting = false;
/** The last step of the start, after which messages are acted on. */
let started: Promise<void> = Promise.resolve();

function requestSnapshot(): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    channel.write(REQUESTS.snapshot);
  });
}

/** Asks the counting process for a sign of life; calls at the same time share one request. */
function requestPulse(): Promise<void> {
  answered ??= new Promise((resolve) => {
    announce = resolve;
    channel.write(REQUESTS.pulse);
  });
  return answered;
}

const counting = new LatestSnapshot({ take: requestSnapshot, pulse: requestPulse });
const takeSnapshot = (): Promise<Snapshot> => counting.take();
const pulse = (): Promise<void> => counting.pulse();

/** A person asks about this host, and may wait for what only a question is worth. */
function ask(): void {
  channel.write(REQUESTS.question);
}

/** A person watches figures that level `exact` alone has. */
function wake(): void {
  channel.write(REQUESTS.exact);
}

function notReady(): string | undefined {
  const { to = 0 } = observer.history.span ?? {};
  if (to === 0) return 'probes are being attached';
  const seconds = Date.now() / 1000 - to;
  return seconds > SILENT_AFTER_S ? `the process that counts has said nothing for ${Math.round(seconds)} s` : undefined;
}

async function start(
  { pid, server: options, web: config, otlp: exported, host, user }: ServingSetup,
  log: AgentLog,
): Promise<void> {
  web = new RemoteWebConfig(config);
  openings = openingsOf(exported?.endpoint, landlock()); // later it may not ask the kernel
  const { version } = options.prometheus.build;
  await access(execPath); // begins the threads of Node's pool: once it is confined, it can start none
  const complain = ({ message }: Error): void => warn(`${message}${whyUnresolved(message)}`);
  if (exported) otlp = new OtlpExporter(exported, { version, ...host }, complain);
  server = await startServer(options, {
    log,
    observer,
    takeSnapshot,
    ask,
    wake,
    web,
    pulse,
    notReady,
    load: shortOfCpu,
    // A service manager starts it as a unit of its own, and ends it with the other.
    listening: () => confine(user, process.ppid === pid ? pid : undefined, exported !== undefined),
    exports: () => otlp?.exports(),
  });
  channel.write(REQUESTS.listening);
  forgetStartSoon();
}

function describe(): AgentSelf {
  const { agent } = latest ?? {};
  return {
    pid: setup?.pid ?? 0,
    level: agent?.level ?? 'exact',
    lookSeconds: agent?.pace?.seconds ?? 1,
    overhead: Object.fromEntries(agent?.overhead ?? []),
    exposure: server?.exposure() ?? null,
    openings,
    page: server === undefined ? null : pageOf(server),
  };
}

/** An agent that listens on every address has one on this host. */
function pageOf({ scheme, address }: RunningServer): string {
  return `${scheme}://${address.replace(/^(?:0\.0\.0\.0|\[::\])?(?=:\d+$)/, 'localhost')}/`;
}

function see(snapshot: Snapshot): void {
  const { isSecond, answers = 0 } = head ?? {};
  head = undefined;
  latest = snapshot;
  counting.see(snapshot);
  if (isSecond) {
    observer.see(snapshot);
    void started.then(exportOn);
  }
  for (const { resolve } of waiting.splice(0, answers)) resolve(snapshot);
}

/** Listens in place of the previous socket, whose file is gone. */
async function listenOn(descriptor: number): Promise<void> {
  const before = socket;
  if (!setup) return;
  const { peers, server } = setup;
  const { kernel, version } = server.prometheus.build;
  const api = { observer, takeSnapshot, ask, wake, pulse, load: shortOfCpu, host: { kernel, version } };
  socket = serveSocket(descriptor, api, describe, (client) => refusalOf(client, peers));
  await (await before)?.close();
}

/** Prints the address, what is measured and how well, and how to stop the agent. */
function welcome(measured: string): void {
  if (!server) return;
  announceLines([
    `tapscope listens on ${server.scheme}://${server.address}/metrics. Its live page: ${pageOf(server)}`,
    measured,
    'Ctrl-C stops it. It changes no device of this host.',
  ]);
}

/** Once there is something to export; the process may be a later one than that which welcomed. */
function exportOn(): void {
  if (isExporting || !server) return;
  isExporting = true;
  otlp?.start({ rows: server.rows, observer });
}

/** This loop turns, its port is open, and it has figures of the last seconds. */
function prove(): void {
  if (server?.isListening() && notReady() === undefined) channel.write(REQUESTS.serves);
}

async function stop(): Promise<void> {
  await otlp?.close();
  await (await socket)?.close();
  await server?.close();
  leave(0);
}

function hear(message: Message): void {
  const { setup: first, failed, answers = 0, web: config, webRefused, handed, measured, stop: ends } = message;
  if (message.pulse) {
    announce();
    answered = undefined;
  }
  if (first) {
    setup = first;
    const log = createLog({ ...first.log, process: 'serving' }, ownOutputs);
    useLog(log);
    started = start(first, log).catch((error: Error) => end(error.message));
  }
  if (message.head) head = message.head;
  const snapshot = reader.take(message);
  if (snapshot) see(snapshot);
  if (failed !== undefined) for (const { reject } of waiting.splice(0, answers)) reject(new Error(failed));
  if (config) web?.change(config);
  if (webRefused !== undefined) web?.refuse(webRefused);
  const descriptor = handed && nextDescriptor();
  if (descriptor !== undefined) void started.then(() => listenOn(descriptor));
  if (measured !== undefined) void started.then(() => welcome(measured));
  if (message.prove) void started.then(prove);
  if (ends) void started.then(stop);
}

function end(message: string): never {
  ownLog().sayLast(message);
  leave(1);
}

process.on('uncaughtException', (error) =>
  end(`It crashed (${(error.stack ?? String(error)).replace(/\s*\n\s*/g, ', ')}); please report this line.`),
);
// systemd signals both processes, and the first one says when to stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
keepHeapSmall();
// The channel closes after an error, and readline tells of one as well.
const lines = createInterface({ input: channel }).on('line', (line) => hear(JSON.parse(line)));
for (const one of [channel, lines]) one.on('error', () => undefined);
channel.once('close', () => end('The process that counts has ended, and this one with it: start tapscope again.'));
