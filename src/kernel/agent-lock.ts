// SPDX-License-Identifier: Apache-2.0
// One agent on a host: a second one would only make every packet pay twice. The lock answers with the agent's state.
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';

// An abstract socket: it goes with the process, however that ends, and needs no file. It is seen in one network namespace.
const SOCKET = '\0tapscope-agent';

/** What a running agent says of itself. */
export interface AgentSelf {
  readonly pid: number;
  readonly level: 'exact' | 'lean';
  /** Shares of all CPUs by part; empty: not measured yet. */
  readonly overhead: Readonly<Record<string, number>>;
  /** Who can read its metrics that was not meant to, in a sentence; null: nobody. */
  readonly exposure: string | null;
}

/** Throws one sentence if another agent holds it. */
export async function claimHost(describe: () => AgentSelf): Promise<Server> {
  const server = createServer((client) => {
    client.on('error', () => undefined); // whoever asked went away
    client.end(JSON.stringify(describe()));
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', async (cause: NodeJS.ErrnoException) => {
      const other = cause.code === 'EADDRINUSE' ? await askAgent() : undefined;
      const second = `Another tapscope agent runs on this host${other ? ` (pid ${other.pid})` : ''}, and two would count everything twice at twice the price; stop it, or scrape that one.`;
      reject(
        new Error(cause.code === 'EADDRINUSE' ? second : `The agent's lock cannot be taken (${cause.message}).`, {
          cause,
        }),
      );
    });
    server.listen(SOCKET, () => resolve(server));
  });
}

/** The agent that runs on this host, if one does. */
export async function askAgent(): Promise<AgentSelf | undefined> {
  try {
    return JSON.parse(await text(connect(SOCKET)));
  } catch {
    return undefined; // nobody listens, or it ended while it answered
  }
}
