// SPDX-License-Identifier: Apache-2.0
// Values of a YAML file, each read as what it must be; what it is not is said with its place in the file.

import { visible } from '../../snapshot/visible.ts';

const LONGEST_SHOWN = 100;

/** Keys in the file's order. */
export type Section = ReadonlyMap<string, unknown>;

/** undefined: the section is not there. */
export function readSection(value: unknown, where: string, keys: readonly string[]): Section | undefined {
  const section = readMap(value, where);
  for (const key of section?.keys() ?? []) {
    if (!keys.includes(key)) {
      throw new Error(`${pathOf(where, key)} is unknown; tapscope knows there: ${keys.join(', ')}`);
    }
  }
  return section;
}

export function readMap(value: unknown, where: string): Section | undefined {
  if (value === undefined || value === null) return undefined;
  if (!(value instanceof Map)) throw new Error(`${where === '' ? 'it' : where} must be a mapping of keys to values`);
  return new Map([...value].map(([key, each]) => [String(key), each]));
}

/** undefined: it is not there, or empty. */
export function readText(section: Section, where: string, key: string): string | undefined {
  const value = section.get(key);
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new Error(`${pathOf(where, key)} must be text`);
  return value;
}

export function readWord<Word extends string>(
  section: Section,
  where: string,
  key: string,
  words: readonly Word[],
): Word | undefined {
  const value = readText(section, where, key);
  if (value === undefined) return undefined;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined)
    throw new Error(`${pathOf(where, key)} must be one of ${words.join(', ')}, not ${shown(value)}`);
  return word;
}

export function readTexts(section: Section, where: string, key: string): readonly string[] {
  const value = section.get(key) ?? [];
  if (!Array.isArray(value)) throw new Error(`${pathOf(where, key)} must be a list`);
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw new Error(`${pathOf(where, key)} must be a list of texts`);
    return item;
  });
}

export function readFlag(section: Section, where: string, key: string): boolean | undefined {
  const value = section.get(key);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw new Error(`${pathOf(where, key)} must be true or false`);
  return value;
}

export function pathOf(where: string, key: string): string {
  return where === '' ? shown(key) : `${where}.${shown(key)}`;
}

/** A word of the file, in a sentence. */
export function shown(word: string): string {
  return visible(word.length > LONGEST_SHOWN ? `${word.slice(0, LONGEST_SHOWN)}…` : word);
}
