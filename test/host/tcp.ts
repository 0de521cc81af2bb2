// SPDX-License-Identifier: Apache-2.0
// Healthy TCP through two tun devices: iperf3 in two namespaces, with a program between them that moves every packet.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NamespaceLab, namespaceLab } from './netns.ts';
import { until } from './until.ts';

export const TUN = 'tun0';
const [NEAR, FAR] = ['10.77.0.1', '10.77.0.2'];
const PORT = 5201;
const COMES_WITHIN_MS = 30_000;
const tunPair = join(dirname(fileURLToPath(import.meta.url)), '../../dist/test/tun-pair');

interface TcpPair {
  readonly near: NamespaceLab;
  readonly far: NamespaceLab;
  /** Several streams at once, first from near to far, then back; so many bytes each way in all. */
  send(streams: number, bytes: number): Promise<void>;
}

export async function tcpPair(t: { after(undo: () => Promise<void>): void }, gso: boolean): Promise<TcpPair> {
  const near = await namespaceLab(t);
  const far = await namespaceLab(t);
  const spaces = [near, far].map(({ name }) => `/run/netns/${name}`);
  const mover = spawn(tunPair, [...spaces, TUN, gso ? 'gso' : 'plain'], { stdio: ['pipe', 'pipe', 'inherit'] });
  near.after(() => ended(mover));
  await once(mover.stdout, 'data');
  for (const [lab, own, other] of [
    [near, NEAR, FAR],
    [far, FAR, NEAR],
  ] as const) {
    await lab.ip(`addr add ${own} peer ${other} dev ${TUN}`);
    await lab.ip(`link set dev ${TUN} up`);
  }
  const words = ['netns', 'exec', far.name, 'iperf3', '-s', '-p', String(PORT)];
  const server = spawn('ip', words, { stdio: 'ignore' });
  far.after(() => ended(server));
  const listens = async (): Promise<boolean> => (await far.exec('ss', '-Hltn')).includes(`:${PORT} `);
  await until(listens, COMES_WITHIN_MS);
  const client = ['-c', FAR, '-p', String(PORT), '--connect-timeout', '10000'];
  return {
    near,
    far,
    send: async (streams, bytes) => {
      const words = [...client, '-P', String(streams), '-n', String(Math.ceil(bytes / streams))];
      await near.exec('iperf3', ...words);
      await near.exec('iperf3', ...words, '-R');
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
