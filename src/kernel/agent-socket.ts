// SPDX-License-Identifier: Apache-2.0
// Asks the running agent one question over its unix socket. Root asks a process without rights: an answer without end is cut off.
import { type IncomingMessage, request } from 'node:http';
import { tapscope } from '../own-command.ts';
import { errnoOf } from './error-name.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const PATIENCE_MS = 30_000;
/** The history of a host of 4 096 queues has a tenth. */
const MOST_BYTES = 256 * 2 ** 20;

/** Throws one sentence if no agent answers there. `nevermind` takes the question back. */
export async function askSocket(socketPath: string, path: string, nevermind?: AbortSignal): Promise<Answer> {
  try {
    return await ask(socketPath, path, nevermind);
  } catch (cause) {
    throw new Error(explain(socketPath, cause), { cause });
  }
}

function ask(socketPath: string, path: string, signal: AbortSignal | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false, signal }, (answer) => {
      bodyOf(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error(`it did not answer within ${PATIENCE_MS / 1000} s`)));
    asked.once('error', reject).end();
  });
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`its answer has more than ${MOST_BYTES / 2 ** 20} MiB`); // which closes the connection
  }
  return Buffer.concat(chunks).toString();
}

function explain(socketPath: string, cause: unknown): string {
  switch (errnoOf(cause)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `No agent listens on ${socketPath}: start one ('${tapscope('serve')}'), or name the one it was given with --socket.`;
    case 'EACCES':
      return `Only root and the group of its --socket-group may ask the agent on ${socketPath}: use sudo.`;
    default:
      return `The agent on ${socketPath} cannot be asked (${cause instanceof Error ? cause.message : cause}).`;
  }
}
