// SPDX-License-Identifier: Apache-2.0

/** The keys of a table, as its type has them. */
export function namesOf<Name extends string>(table: Readonly<Partial<Record<Name, unknown>>>): readonly Name[] {
  return Object.keys(table).filter((name): name is Name => name in table);
}
