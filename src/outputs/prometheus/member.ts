// SPDX-License-Identifier: Apache-2.0
// One of several owners that are shown as one.

/** `key` names the member from scrape to scrape. The same object as before: nothing of it changed. */
export interface Member<Value> {
  readonly key: string;
  readonly value: Value;
}

/** Only when there are many: a member that one incomplete snapshot missed comes back with the value it had, and must not count twice. */
export function forgetAbsent(last: Map<string, unknown>, members: readonly Member<unknown>[]): void {
  if (last.size <= 2 * members.length + 64) return;
  const present = new Set(members.map(({ key }) => key));
  for (const key of last.keys()) if (!present.has(key)) last.delete(key);
}
