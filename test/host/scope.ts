// SPDX-License-Identifier: Apache-2.0
// Work that leaves nothing behind, and programs made of it.

/** What a test offers to those who have to undo something at its end. */
export interface Scope {
  after(undo: () => unknown): void;
}

/** What was made is undone in the reverse order, whether it went well or not. */
export async function scoped<Value>(work: (t: Scope) => Promise<Value>): Promise<Value> {
  const undo: (() => unknown)[] = [];
  try {
    return await work({ after: (step) => void undo.push(step) });
  } finally {
    for (let step = undo.pop(); step; step = undo.pop())
      await Promise.resolve(step()).catch((error: unknown) => console.error(error));
  }
}

/** A program with its arguments; an error is one sentence and exit status 1. */
export async function program(work: (words: readonly string[], t: Scope) => Promise<unknown>): Promise<void> {
  await scoped((t) => work(process.argv.slice(2), t)).catch((error: unknown) =>
    complain([error instanceof Error ? error.message : String(error)]),
  );
}

/** With one of these sentences the program exits with 1. */
export function complain(sentences: readonly string[]): void {
  for (const sentence of sentences) console.error(sentence);
  if (sentences.length > 0) process.exitCode = 1;
}
