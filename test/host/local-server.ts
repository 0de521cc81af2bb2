// SPDX-License-Identifier: Apache-2.0
// An HTTP server on a free port of 127.0.0.1 that answers as a test says, until the test ends.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { TestContext } from 'node:test';

/** Serves on loopback until the test ends; returns the URL. */
export async function serveLocally(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
