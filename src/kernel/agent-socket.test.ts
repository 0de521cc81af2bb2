// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Answers of code that broke into the process that answers: commands of root read them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askSocket } from './agent-socket.ts';

async function hostile(t: TestContext, answer: RequestListener): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-socket-'));
  const path = join(folder, 'agent.sock');
  const server = createServer(answer).listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return path;
}

test('an answer comes whole', async (t) => {
  const said = 'é'.repeat(2 ** 20);
  const path = await hostile(t, (_, reply) => reply.end(said));
  assert.equal((await askSocket(path, '/')).body, said);
});

test('an answer without end is cut off', async (t) => {
  const path = await hostile(t, (_, reply) => {
    const bytes = Buffer.alloc(2 ** 20, 'x');
    const flood = (): void => {
      while (reply.write(bytes));
    };
    reply.on('drain', flood);
    flood();
  });
  await assert.rejects(askSocket(path, '/'), /its answer has more than 256 MiB/);
});
