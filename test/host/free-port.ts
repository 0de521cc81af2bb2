// SPDX-License-Identifier: Apache-2.0
// TCP ports of 127.0.0.1 for programs that must be told one before they start. Where a port 0 is enough, it is better: the kernel chooses.
import { once } from 'node:events';
import { createServer, type ListenOptions } from 'node:net';

/** Below ip_local_port_range: the kernel gives these to no connection and to no listener that asks for port 0. */
const FIRST = 20_000;
const PORTS = 10_000;

/** No other test process of this network namespace gets it while this one lives, also before the program listens and after it ended. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * PORTS);
    if ((await isClaimed(port)) && (await isUnused(port))) return port;
  }
  throw new Error('No free port.');
}

/** The claim is an abstract unix socket: it belongs to the network namespace, as the port does, and goes with the process. */
async function isClaimed(port: number): Promise<boolean> {
  return (await listening({ path: `\0tapscope-port-${port}` })) !== undefined;
}

async function isUnused(port: number): Promise<boolean> {
  const server = await listening({ port, host: '127.0.0.1' });
  if (server === undefined) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** undefined: in use. It does not keep the process from its end. */
async function listening(where: ListenOptions): Promise<ReturnType<typeof createServer> | undefined> {
  const server = createServer().unref();
  server.listen(where);
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}
