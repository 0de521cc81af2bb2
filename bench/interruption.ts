// SPDX-License-Identifier: Apache-2.0
// Commands that make devices: a signal ends what they wait for, so that they take everything away before they end.

/** Signals with the exit code that shells report for a program that the signal ended. */
const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGQUIT', 131],
  ['SIGTERM', 143],
] as const;

interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code that goes with it; 0: there was none. */
  readonly code: () => number;
}

export function onInterruption(): Interruption {
  const interruption = new AbortController();
  let code = 0;
  for (const [signal, number] of SIGNALS)
    process.on(signal, () => {
      code = number;
      interruption.abort();
    });
  return { signal: interruption.signal, code: () => code };
}
