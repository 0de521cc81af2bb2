// SPDX-License-Identifier: Apache-2.0
// One agent on a host: a second one would only make every packet pay twice. The lock answers with the agent's state.
import { connect, createServer, type Server } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { unixPeerPid } from './native.ts';

// An abstract socket: it goes with the process, however that ends, and needs no file. It is seen in one network namespace.
export const AGENT_LOCK = '\0tapscope-agent';
/** Bytes of a socket's name. All of an abstract one count, and the libuv of Node 20 fills them up with zeros. */
const SUN_PATH_BYTES = 108;
/** An agent that loads its programs does not answer for seconds; one that is stopped or frozen, never. */
const PATIENCE_MS = 2000;
/** Characters; any process may hold a name that no agent has taken. */
const LONGEST_ANSWER = 65_536;

/** What a running agent says of itself. */
export interface AgentSelf {
  readonly pid: number;
  readonly level: 'exact' | 'lean';
  /** Shares of all CPUs by part; empty: not measured yet. */
  readonly overhead: Readonly<Record<string, number>>;
  /** Which unintended clients can read its metrics, in a sentence; null: none. */
  readonly exposure: string | null;
  /** Address of its page; null: it does not serve yet. Agents of older versions do not say it. */
  readonly page?: string | null;
}

/** Throws one sentence if another agent holds it. */
export async function claimHost(describe: () => AgentSelf): Promise<Server> {
  const server = createServer((client) => {
    client.on('error', () => undefined); // the asking process went away
    client.end(JSON.stringify(describe()));
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const other = cause.code === 'EADDRINUSE' ? agentPid() : undefined;
      const second = `Another tapscope agent runs on this host${other ? ` (pid ${other})` : ''}, and two would count everything twice at twice the price; stop it, or scrape that one.`;
      reject(
        new Error(cause.code === 'EADDRINUSE' ? second : `The agent's lock cannot be taken (${cause.message}).`, {
          cause,
        }),
      );
    });
    server.listen(AGENT_LOCK, () => resolve(server));
  });
}

/** The process that holds the lock, also where it does not answer. */
export function agentPid(): number | undefined {
  return unixPeerPid(AGENT_LOCK) ?? unixPeerPid(AGENT_LOCK.padEnd(SUN_PATH_BYTES, '\0'));
}

/** The agent that runs on this host, if one does and answers before `limit`. */
export async function askAgent(limit = AbortSignal.timeout(PATIENCE_MS)): Promise<AgentSelf | undefined> {
  const socket = addAbortSignal(limit, connect(AGENT_LOCK));
  let answer = '';
  try {
    for await (const part of socket.setEncoding('utf8')) {
      answer += part;
      if (answer.length > LONGEST_ANSWER) return undefined;
    }
    const self: AgentSelf | null = JSON.parse(answer);
    return typeof self?.pid === 'number' ? self : undefined;
  } catch {
    return undefined; // no listener, it ended while it answered, or it is no agent
  } finally {
    socket.destroy();
  }
}
