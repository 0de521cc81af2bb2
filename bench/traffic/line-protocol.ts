// SPDX-License-Identifier: Apache-2.0
// A child that takes commands as lines on stdin and answers each with a line of JSON, {"ok":true,…} or {"ok":false,"error":"EBUSY"}.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Resolves with the answer; rejects with `code` if the child refused. Answers come in the order of their lines. */
export type Ask = (line: string) => Promise<Readonly<Record<string, unknown>>>;

interface Waiting {
  readonly line: string;
  readonly resolve: (answer: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const ANSWER_WITHIN_MS = 60_000;

/** `name`: of the program, in what is said of it. One that does not answer in time is killed. */
export function lineProtocol(child: ChildProcess, name: string): Ask {
  const waiting: Waiting[] = [];
  const fail = (why: string): void => {
    for (const one of waiting.splice(0)) {
      clearTimeout(one.timer);
      one.reject(new Error(`${name} '${one.line}': ${why}.`));
    }
  };
  child.on('error', (error) => fail(`did not start: ${error.message}`));
  child.on('exit', (code, signal) => fail(`exited with ${signal ?? code}`));
  // EPIPE of a child that was killed: 'exit' tells it better.
  child.stdin?.on('error', () => {});
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (text) => settle(name, waiting.shift(), text));
  }
  return (line) =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        reject(new Error(`${name} '${line}': it has exited.`));
        return;
      }
      const timer = setTimeout(() => child.kill('SIGKILL'), ANSWER_WITHIN_MS);
      waiting.push({ line, resolve, reject, timer });
      child.stdin?.write(`${line}\n`);
    });
}

function settle(name: string, one: Waiting | undefined, text: string): void {
  if (!one) return;
  clearTimeout(one.timer);
  const answer: Readonly<Record<string, unknown>> = JSON.parse(text);
  if (answer.ok === true) one.resolve(answer);
  else one.reject(Object.assign(new Error(`${name} '${one.line}': ${String(answer.error)}.`), { code: answer.error }));
}

/** Its descriptors close with it; SIGKILL also ends one that is stopped. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}
