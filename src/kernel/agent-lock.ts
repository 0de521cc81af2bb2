// SPDX-License-Identifier: Apache-2.0
// One agent on a host: a second one would only make every packet pay twice.
import { createServer, type Server } from 'node:net';

// An abstract socket: it goes with the process, however that ends, and needs no file.
const SOCKET = '\0tapscope-agent';

/** Throws one sentence if another agent holds it (in the same network namespace). */
export async function claimHost(): Promise<Server> {
  const server = createServer((client) => client.end());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const second = cause.code === 'EADDRINUSE';
      reject(
        new Error(
          second
            ? "Another tapscope agent runs on this host, and two would count everything twice at twice the price; stop it (pgrep -af 'tapscope|main.js serve'), or scrape that one."
            : `The agent's lock cannot be taken (${cause.message}).`,
          { cause },
        ),
      );
    });
    server.listen(SOCKET, () => resolve(server));
  });
}
