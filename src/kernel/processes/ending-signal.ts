// SPDX-License-Identifier: Apache-2.0
// The first signal that asks this process to end. Ctrl-C under npm (npx, npm start) comes twice: from the terminal, and passed on by npm. By its default
// the second would cut off what the first began.

/** What comes sooner is the same Ctrl-C. Later it is a person who does not want to wait, and ends the process by the signal's default. */
const SAME_MS = 2000;

/** Calls `hear` once. The answer takes it back, but for a signal that was heard just now and may come again. */
export function onEndingSignal<Name extends NodeJS.Signals>(
  names: readonly Name[],
  hear: (name: Name) => unknown,
): () => void {
  let isHeard = false;
  const handlers = names.map((name) => {
    const handler = (): void => {
      if (isHeard) return;
      isHeard = true;
      setTimeout(off, SAME_MS).unref();
      hear(name);
    };
    process.on(name, handler);
    return [name, handler] as const;
  });
  const off = (): void => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
  return () => {
    if (!isHeard) off();
  };
}
