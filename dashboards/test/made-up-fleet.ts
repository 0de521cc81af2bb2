// SPDX-License-Identifier: Apache-2.0
// A fleet made of one recorded host: its pages with another kernel, other tenants, and with or without its losses. Each host has an address
// of its own on loopback; one server answers for all.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pagesOf, readRecording, timesOf } from './recording.ts';

export interface MadeUpHost {
  readonly kernel: string;
  /** The host's kernel from the middle of the recording on. */
  readonly nextKernel?: string;
  readonly tenant: string;
  readonly loses: boolean;
}

interface MadeUpFleet {
  /** host:port, in the order of the hosts. */
  readonly instances: readonly string[];
  readonly seconds: number;
}

/** Two of its taps: one whose ring overflows, and a guest of vhost-net. */
const TAPS = /device="vnet[13]"/;
const OF_AGENT = /^tapscope_(build_info|agent_level|overhead_ratio|probe_attached|events_lost|snapshot_errors)/;
const LOSSES = /^(tapscope_(queue|device_other)_dropped_packets_total\{.*\}) \S+$/gm;

export async function startMadeUpFleet(
  t: { after(undo: () => Promise<unknown>): void },
  hosts: readonly MadeUpHost[],
): Promise<MadeUpFleet> {
  const recording = readRecording();
  const times = timesOf(recording);
  const pages = pagesOf(recording).map(reduced);
  const start = Date.now() / 1000;
  const server = createServer(({ socket }, answer) => {
    const [, , third = '0', fourth = '0'] = (socket.localAddress ?? '').split('.');
    const host = hosts[256 * Number(third) + Number(fourth) - 1];
    const index = times.findLastIndex((time) => time <= Date.now() / 1000 - start);
    answer.setHeader('Content-Type', 'text/plain; version=0.0.4');
    answer.end(host && changed(pages[index] ?? '', host, 2 * index >= times.length));
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The made-up fleet has no port.');
  const instances = hosts.map((_, index) => `127.0.${(index + 1) >> 8}.${(index + 1) & 255}:${address.port}`);
  return { instances, seconds: times.at(-1) ?? 0 };
}

function reduced(page: string): string {
  return page
    .split('\n')
    .filter((line) => TAPS.test(line) || OF_AGENT.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

function changed(page: string, host: MadeUpHost, isLate: boolean): string {
  const kernel = isLate ? (host.nextKernel ?? host.kernel) : host.kernel;
  const own = page
    .replace(/kernel="[^"]*"/, `kernel="${kernel}"`)
    .replaceAll(/(?<=_owner_info\{.*)tenant=""/g, `tenant="${host.tenant}"`);
  return host.loses ? own : own.replaceAll(LOSSES, '$1 0').replaceAll(/^tapscope_finding\{.*\n/gm, '');
}
