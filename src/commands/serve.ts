// SPDX-License-Identifier: Apache-2.0
// `tapscope serve`: the agent. This process attaches the probes, takes a snapshot every second and starts the process that judges them and
// answers Prometheus, people and other commands (src/serving.ts). That one has no rights; this one has no port.
import { release } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../agent/agent.ts';
import { Heartbeat } from '../agent/heartbeat.ts';
import { requireLimits, requireMemoryFor } from '../agent/resource-limits.ts';
import { Sampler } from '../agent/sampler.ts';
import { ServingProcess } from '../agent/serving-process.ts';
import type { Probes } from '../engine/attach.ts';
import type { DeviceFilter } from '../inventory/device-filter.ts';
import { Tenants } from '../inventory/tenants.ts';
import { claimHost } from '../kernel/agent-lock.ts';
import { hostNames, ownNames } from '../kernel/host-names.ts';
import { libbpfVersion } from '../kernel/native.ts';
import { packageRoot } from '../kernel/package.ts';
import { forgetStartSoon } from '../kernel/processes/after-start.ts';
import { ApiSocket } from '../kernel/processes/api-socket.ts';
import { onEndingSignal } from '../kernel/processes/ending-signal.ts';
import { keepRingFromChildren } from '../kernel/processes/event-ring.ts';
import { keepRights } from '../kernel/processes/kept-rights.ts';
import { type Reach, refuseUnused } from '../kernel/processes/native-processes.ts';
import { whenNpmEnds } from '../kernel/processes/npm-parent.ts';
import { leaveWhenDone } from '../kernel/processes/own-end.ts';
import { raisePriority } from '../kernel/processes/own-priority.ts';
import { readableFiles } from '../kernel/processes/readable-files.ts';
import { ServiceManager } from '../kernel/processes/service-manager.ts';
import { servingUnit } from '../kernel/processes/serving-unit.ts';
import { servingUser } from '../kernel/processes/serving-user.ts';
import { announce, inform, ownLog, warn } from '../log/log.ts';
import { measuredWords } from '../outputs/doctor-text.ts';
import { tapscope } from '../own-command.ts';
import { formatAddress } from '../server/listen-address.ts';
import { DNS_PORT, otlpPorts } from '../server/otlp/otlp-proxy.ts';
import type { Message, ServingSetup } from '../server/serving-messages.ts';
import { type LiveWebConfig, openWebConfig } from '../server/web-config/file.ts';
import { webConfigToJson } from '../server/web-config/remote.ts';
import { parseForced } from '../subjects/list.ts';
import type { Build } from '../subjects/scrape-metrics.ts';
import { eventsOf } from './doctor.ts';
import type { ServeOptions } from './options/serve-options.ts';
import { version } from './version.ts';

/** Resolves once it listens; ends with SIGINT, SIGTERM or SIGHUP, and with the npm that started it. Throws one sentence if it cannot serve. */
export async function serve(options: ServeOptions, mechanisms: readonly string[]): Promise<void> {
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  let isStarted = false;
  let isEnding = false;
  const end = (why: string): void => {
    if (isEnding) return;
    isEnding = true;
    inform(`${why}: tapscope stops.`);
    if (isStarted) void stop().then(leaveWhenDone);
  };
  const endOnSignals = (): void => {
    onEndingSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], end);
    whenNpmEnds(() => end('npm, which started it, has ended'));
  };
  try {
    await start(options, parseForced(mechanisms), undo, endOnSignals);
  } catch (error) {
    await stop();
    throw error;
  }
  isStarted = true;
  if (isEnding) await stop();
}

/** `attached`: called once probes are attached, before the first figures are served. */
async function start(
  options: ServeOptions,
  forced: ReadonlyMap<string, string>,
  undo: (() => unknown)[],
  attached: () => void,
): Promise<void> {
  // First, while it has the right to.
  const lower = raisePriority();
  if (lower) undo.push(lower);
  const startsProcesses = servingUnit() === undefined;
  keepRights({ startsProcesses, hasGroup: options.socketGroup !== undefined });
  refuseUnused(startsProcesses, keepRingFromChildren());
  requireLimits();
  const filter = await filterOf(options.devices);
  const tenants = new Tenants(options.tenantMap, say);
  const lock = claimHost(say);
  undo.push(() => lock.close());
  const web = await openWebConfig(options.webConfigFile);
  undo.push(() => web.close());
  const manager = new ServiceManager(say);
  const sampler = new Sampler((snapshot) => {
    serving.see(snapshot);
    heartbeat.sampled();
  });
  const takeSnapshot = () => sampler.take();
  let asked: Agent | undefined;
  const setup = setupOf(options, web);
  const serving: ServingProcess = new ServingProcess({
    file: join(packageRoot(), 'dist/src/serving.js'),
    reach: () => reachOf(options),
    setup,
    takeSnapshot,
    ask: () => sampler.ask(),
    wake: () => asked?.wake(),
    begun: () => void socket.open().catch(say),
    say,
  });
  const heartbeat = new Heartbeat(manager, serving);
  const socket = new ApiSocket(options.socket, options.socketGroup, (descriptor) => serving.hand(descriptor));
  undo.push(() => socket.close());
  const send = (message: Message): void => serving.send(message);
  web.watch({
    changed: (config) => send({ web: webConfigToJson(config) }),
    refused: (webRefused) => send({ webRefused }),
  });
  undo.push(() => serving.stop());
  const listening = serving.start();
  listening.catch(() => undefined); // it is waited for below
  const { budget, detail, level } = options;
  const collect = { filter, budget, level, perCpu: detail === 'cpu', tenants };
  const agent = new Agent({ forced, pin: options.pin }, collect);
  asked = agent;
  undo.push(() => agent.close());
  attached();
  // Before the first sample, behind which the agent may rest.
  const words = measured(agent.probes);
  await sampler.start(agent);
  undo.push(() => sampler.stop());
  await listening;
  // First: while it ends, it asks for a last snapshot.
  undo.push(() => serving.stop());
  await requireMemoryFor(takeSnapshot);
  forgetStartSoon();
  if (lock.missing !== undefined) say(new Error(lock.missing));
  const sentence = missingRights(agent.probes);
  if (sentence !== undefined) announce([sentence]);
  if (lower)
    inform(
      'It runs before other programs (nice -10, at a terminal its session too): so it answers when the host is out of CPU.',
    );
  send({ measured: words });
  undo.push(() => heartbeat.stop());
  heartbeat.complete(`serves ${formatAddress(options.listen)}. ${words}`);
}

function reachOf({ listen, otlp }: ServeOptions): Reach {
  return {
    readable: readableFiles(packageRoot(), otlp !== undefined),
    ports: {
      taken: [listen.port],
      connected: otlp ? otlpPorts(otlp.endpoint.url, otlp.endpoint.proxy) : [DNS_PORT],
    },
  };
}

/** The engine takes 30 ms to load, which an agent that shows all devices does not spend. */
async function filterOf({ include, exclude }: ServeOptions['devices']): Promise<DeviceFilter> {
  if (include === undefined && exclude === undefined) return () => true;
  const { deviceFilter } = await import('../inventory/device-filter.ts');
  return deviceFilter(include, exclude);
}

/** Settings for the serving process, at each of its starts. */
function setupOf(options: ServeOptions, web: LiveWebConfig): () => ServingSetup {
  const { listen, allowedHosts, detail, created, otlp, socketGroup: group } = options;
  const server = {
    listen,
    allowedHosts: [...allowedHosts, ...ownNames()],
    prometheus: { detail, created, build: readBuild(release()) },
    pageFolder: join(packageRoot(), 'dist/src/page'),
  };
  const user = servingUser();
  return () => ({
    pid: process.pid,
    ...(user && { user }),
    peers: { uid: process.geteuid?.() ?? 0, ...(group && { group }) },
    log: ownLog().options,
    server,
    web: webConfigToJson(web.current()),
    ...(otlp && { otlp }),
    host: hostNames(),
  });
}

function say(error: Error): undefined {
  warn(error.message);
}

/** The effect of missing rights; undefined: none is missing. */
function missingRights(probes: Probes): string | undefined {
  const isBlind = probes.choices().some(({ mechanism }) => mechanism === undefined);
  return isBlind && process.getuid?.() !== 0
    ? 'tapscope does not run as root, and so does not see all. Start it as root.'
    : undefined;
}

/** The line on what is measured and how well. */
function measured(probes: Probes): string {
  const events = eventsOf(probes);
  const best = events.filter(({ state }) => state === 'best').length;
  const counted = `Measured: ${best} of ${events.length} events by the best mechanism.`;
  if (best === events.length) return counted;
  const blind = events.filter(({ state }) => state === 'blind').map(({ event }) => event);
  const rest = blind.length > 0 ? `Not measured: ${blind.join(', ')}.` : measuredWords(events);
  return `${counted} ${rest} '${tapscope('doctor --verbose')}' says more.`;
}

function readBuild(kernel: string): Build {
  return { version: version(), nodeVersion: process.versions.node, kernel, libbpf: libbpfVersion() };
}
