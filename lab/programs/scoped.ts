// SPDX-License-Identifier: Apache-2.0
// What was made is undone in the reverse order, whether it went well or not.
import type { Scope } from '../../test/agent/shared-agent.ts';

export async function scoped<Value>(run: (t: Scope) => Promise<Value>): Promise<Value> {
  const undo: (() => unknown)[] = [];
  try {
    return await run({ after: (step) => void undo.push(step) });
  } finally {
    for (let step = undo.pop(); step; step = undo.pop())
      await Promise.resolve(step()).catch((error: unknown) => console.error(error));
  }
}
