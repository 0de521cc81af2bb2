// SPDX-License-Identifier: Apache-2.0
// An agent that stays for the tests after the one that started it: where the CPU is emulated, a start takes as long as a test.
// There is one at a time, as on a host, and it goes before any other is started, or with the process.
import type { Scope } from '../host/scope.ts';

let dismiss = async (): Promise<void> => {};

/** What `start` gives, the same for all who ask until the next start of anything. */
export function standing<Agent>(start: (scope: Scope) => Promise<Agent>): () => Promise<Agent> {
  let stands: Promise<Agent> | undefined;
  const begin = async (): Promise<Agent> => {
    await dismissStanding();
    const undo: (() => unknown)[] = [];
    dismiss = async () => {
      stands = undefined;
      for (const step of undo.reverse()) await step();
    };
    const started = start({ after: (step) => undo.push(step) });
    await started.catch(dismissStanding); // the next one tries again
    return started;
  };
  // Tests that run side by side and ask at once get the same one.
  return async () => {
    stands ??= begin();
    return stands;
  };
}

/** Ends the shared agent, for tests that need a host without an agent. */
export async function dismissStanding(): Promise<void> {
  const leave = dismiss;
  dismiss = async () => {};
  await leave();
}
