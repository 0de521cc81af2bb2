// SPDX-License-Identifier: Apache-2.0
// `tapscope serve`: the agent. Attaches the probes, samples and judges every second, answers Prometheus, people and other commands.
import { release } from 'node:os';
import { join } from 'node:path';
import { Agent } from '../agent/agent.ts';
import { requireRoom, requireRoomFor } from '../agent/room-to-run.ts';
import { Sampler } from '../agent/sampler.ts';
import { parseForced } from '../collectors/list.ts';
import type { Probes } from '../engine/attach.ts';
import { Tenants } from '../inventory/tenants.ts';
import { claimHost } from '../kernel/agent-lock.ts';
import { hostNames, ownNames } from '../kernel/host-names.ts';
import { libbpfVersion } from '../kernel/native.ts';
import { packageRoot } from '../kernel/package.ts';
import type { Build } from '../metrics.ts';
import type { AgentSelf } from '../server/agent-self.ts';
import { createObserver } from '../server/observer.ts';
import { OtlpExporter } from '../server/otlp/otlp-exporter.ts';
import { type RunningServer, startServer } from '../server/server.ts';
import { startSocket } from '../server/socket.ts';
import { visibleLines } from '../snapshot/visible.ts';
import { stateOf } from './doctor.ts';
import type { ServeOptions } from './options/serve-options.ts';
import { thisHost, version } from './version.ts';

/** Resolves once it listens; ends with SIGINT or SIGTERM. Throws one sentence if it cannot serve. */
export async function serve(options: ServeOptions, mechanisms: readonly string[]): Promise<void> {
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    await start(options, parseForced(mechanisms), undo);
  } catch (error) {
    await stop();
    throw error;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
}

async function start(
  options: ServeOptions,
  forced: ReadonlyMap<string, string>,
  undo: (() => unknown)[],
): Promise<void> {
  requireRoom();
  const tenants = new Tenants(options.tenantMap, say);
  const running: { agent?: Agent } = {};
  const lock = claimHost(say);
  undo.push(() => lock.close());
  const observer = createObserver();
  const build = readBuild(release());
  const otlp = options.otlp && new OtlpExporter(options.otlp, { version: build.version, ...hostNames() }, say);
  const sampler = new Sampler(observer.see);
  const sources = { observer, takeSnapshot: () => sampler.take() };
  const server = await startServer(
    {
      listen: options.listen,
      allowedHosts: [...options.allowedHosts, ...ownNames()],
      webConfigFile: options.webConfigFile,
      logLevel: options.logLevel,
      prometheus: { detail: options.detail, build },
      pageFolder: join(packageRoot(), 'dist/src/page'),
    },
    { ...sources, notReady: () => sampler.notReady(), ...(otlp && { exports: () => otlp.exports() }) },
  );
  undo.push(() => server.close());
  const describe = (): AgentSelf => ({
    pid: process.pid,
    level: running.agent?.probes.level() ?? 'exact',
    lookSeconds: running.agent?.pace.seconds ?? 1,
    overhead: Object.fromEntries(running.agent?.overhead ?? []),
    exposure: server.exposure() ?? null,
    page: pageOf(server),
  });
  const socket = await startSocket(options.socket, { ...sources, host: thisHost() }, describe).catch(say);
  undo.push(() => socket?.close());
  const { filter, budget, detail } = options;
  const collect = { filter, budget, perCpu: detail === 'cpu', tenants };
  const agent = new Agent({ forced, pin: options.pin }, collect);
  running.agent = agent;
  undo.push(() => agent.close());
  await sampler.start(agent);
  undo.push(() => sampler.stop());
  await requireRoomFor(sources.takeSnapshot);
  otlp?.start({ rows: server.rows, observer });
  undo.push(() => otlp?.close());
  if (lock.missing !== undefined) say(new Error(lock.missing));
  process.stdout.write(welcome(server, agent.probes));
}

function say(error: Error): undefined {
  process.stderr.write(`tapscope: ${visibleLines(error.message)}\n`);
}

/** An agent that listens on every address has one on this host. */
function pageOf({ scheme, address }: RunningServer): string {
  return `${scheme}://${address.replace(/^(?:0\.0\.0\.0|\[::\])?(?=:\d+$)/, 'localhost')}/`;
}

/** Where it is, what is measured and how well, how to stop it; before all, what a missing right costs. */
function welcome(server: RunningServer, probes: Probes): string {
  const { scheme, address } = server;
  const states = probes.choices().map(stateOf);
  const number = (wanted: string): number => states.filter((state) => state === wanted).length;
  const blind = probes.choices().flatMap(({ event, mechanism }) => (mechanism ? [] : [event.name]));
  const measured = [
    `${number('best')} of ${states.length} events by the best mechanism`,
    ...(number('fallback') > 0 ? [`${number('fallback')} by another`] : []),
    ...(blind.length > 0 ? [`${blind.length} not at all (${blind.join(', ')})`] : []),
  ].join(', ');
  const isRoot = process.getuid?.() === 0;
  return [
    ...(isRoot || blind.length === 0
      ? []
      : ['tapscope does not run as root, and so does not see all. Start it as root.']),
    `tapscope listens on ${scheme}://${address}/metrics. Its live page: ${pageOf(server)}`,
    `Measured: ${measured}.${states.every((state) => state === 'best') ? '' : " 'tapscope doctor' tells why."}`,
    'Ctrl-C stops it. It changes nothing on this host.\n',
  ].join('\n');
}

function readBuild(kernel: string): Build {
  return { version: version(), nodeVersion: process.versions.node, kernel, libbpf: libbpfVersion() };
}
