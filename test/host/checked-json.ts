// SPDX-License-Identifier: Apache-2.0
// Reads what ip, tc and the test reader print: a field that is missing or of another type is an error, never a zero.

export function parseJson(text: string): unknown {
  return JSON.parse(text);
}

export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    here = typeof here === 'object' && here !== null ? Reflect.get(here, key) : undefined;
  }
  return here;
}

export function numberAt(value: unknown, ...path: readonly (string | number)[]): number {
  const found = at(value, ...path);
  if (typeof found !== 'number') {
    throw new Error(`Expected a number at ${path.join('.')}, found ${JSON.stringify(found)}.`);
  }
  return found;
}

/** Several numbers of one object. */
export function numbersAt<Name extends string>(
  value: unknown,
  ...names: readonly Name[]
): Readonly<Record<Name, number>> {
  const entries = names.map((name) => [name, numberAt(value, name)] as const);
  return Object.fromEntries(entries) as Record<Name, number>;
}

export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  if (typeof found !== 'string') {
    throw new Error(`Expected a text at ${path.join('.')}, found ${JSON.stringify(found)}.`);
  }
  return found;
}

export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  if (!Array.isArray(found)) {
    throw new Error(`Expected a list at ${path.join('.')}, found ${JSON.stringify(found)}.`);
  }
  return found;
}

/** The keys of a table, as its type has them. */
export function namesOf<Name extends string>(table: Readonly<Partial<Record<Name, unknown>>>): readonly Name[] {
  return Object.keys(table).filter((name): name is Name => name in table);
}
