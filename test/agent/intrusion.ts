// SPDX-License-Identifier: Apache-2.0
// What code of an intruder in the process that serves (intruder.cjs) got, by attempt: 'EPERM', 'EACCES' …, or 'done'.

export type Answers = Readonly<Record<string, string>>;

/** The kernel's or the filter's refusals; `EAFNOSUPPORT`: this kernel has no such sockets. */
const REFUSALS = ['EPERM', 'EACCES', 'ENOSYS', 'EAFNOSUPPORT'];
/** Those by number are of x86-64. */
export const FEWEST_ATTEMPTS = process.arch === 'x64' ? 90 : 17;

/** `log`: what the process wrote, among other lines; undefined: it has written no answers yet. */
export function answersIn(log: string): Answers | undefined {
  const [, found] = /^intruder: (\{.*\})$/m.exec(log) ?? [];
  return found === undefined ? undefined : JSON.parse(found);
}

/** Attempts that did not fail as they must. */
export function succeeded(answers: Answers): readonly string[] {
  return Object.entries(answers).flatMap(([attempt, answer]) =>
    REFUSALS.includes(answer) ? [] : [`${attempt}: ${answer}`],
  );
}
