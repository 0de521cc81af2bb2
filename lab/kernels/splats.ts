// SPDX-License-Identifier: Apache-2.0
// What a kernel writes to its console when it finds a fault in itself: a test that passed meanwhile proves nothing.

/** Matches the kernel's own reports: WARN(), BUG(), an oops, lockdep, KASAN and its like, stalls, lockups and hung tasks. */
const SPLAT =
  /WARNING: |\bBUG\b|\bOops\b|general protection fault|\bINFO: (?:rcu_|task |possible |trying |inconsistent |suspicious )|\brcu: INFO|detected stalls?|lockdep|KASAN|UBSAN|KCSAN|\bLOCKUP\b/;

interface Known {
  readonly line: RegExp;
  /** Why it is no fault of the kernel. */
  readonly why: string;
}

const KNOWN: readonly Known[] = [
  {
    line: /soft lockup|\bLOCKUP\b|\brcu: INFO|INFO: rcu_|detected stalls?|blocked for more than/,
    why: 'an emulated CPU that gets no time of this machine stands still for as long',
  },
];

/** Lines of the console by which the kernel reports a fault of its own, but for those that are known. */
export function splatsOf(console: string): readonly string[] {
  const lines = console.split('\n').filter((line) => SPLAT.test(line));
  return lines.filter((text) => !KNOWN.some(({ line }) => line.test(text)));
}
