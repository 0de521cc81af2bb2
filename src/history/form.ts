// SPDX-License-Identifier: Apache-2.0
// A value taken apart: its form, its numbers, and its other leaves (words). Together they are the value again. Plain objects, arrays
// and Maps; −0 comes back as 0.

/** A value that is no number: a string, true, false, undefined. */
export type Word = unknown;

type Kind = 'number' | 'word' | 'numbers' | 'list' | 'object' | 'map';

export interface Form {
  readonly kind: Kind;
  /** The keys of an object; other kinds have none. */
  readonly keys: readonly string[];
  /** The forms of an object's values or a list's entries; a map has one, that of the list of its pairs. */
  readonly parts: readonly Form[];
  /** The length of a list; 0 for other kinds. */
  readonly length: number;
  /** Numbers and words of the whole. */
  readonly numbers: number;
  readonly words: number;
}

/** Some hundreds are in use where devices differ in what was ever seen of them; beyond this many they are forgotten, and made again. */
const MOST_KNOWN = 5000;
const known = new Map<string, Form>();

/** Forms that are alike are one object. A number that was undefined, or is now and was none before, keeps its form: NaN stands for undefined. */
export function formOf(value: unknown, before: Form | undefined): Form {
  if (typeof value === 'number' || (value === undefined && before?.kind === 'number')) return form('number', 0, [], []);
  if (typeof value !== 'object' || value === null) return form('word', 0, [], []);
  if (value instanceof Map) return form('map', 0, [], [formOf([...value], before?.parts[0])]);
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((entry) => typeof entry === 'number'))
      return form('numbers', value.length, [], []);
    const parts = value.map((entry, index) => formOf(entry, before?.parts[index]));
    return form('list', value.length, [], parts);
  }
  const parts = Object.entries(value).map(([key, entry]) => {
    const place = before?.keys.indexOf(key) ?? -1;
    return formOf(entry, before?.parts[place]);
  });
  return form('object', 0, Object.keys(value), parts);
}

function form(kind: Kind, length: number, keys: readonly string[], parts: readonly Form[]): Form {
  const key = JSON.stringify([kind, length, keys, parts.map((part) => numberOf(part))]);
  const alike = known.get(key);
  if (alike) return alike;
  if (known.size >= MOST_KNOWN) known.clear();
  const own = { number: [1, 0], word: [0, 1], numbers: [length, 0], list: [0, 0], object: [0, 0], map: [0, 0] }[kind];
  const sum = (count: (part: Form) => number, first = 0): number =>
    parts.reduce((total, part) => total + count(part), first);
  const made: Form = {
    kind,
    keys,
    parts,
    length,
    numbers: sum(({ numbers }) => numbers, own[0]),
    words: sum(({ words }) => words, own[1]),
  };
  known.set(key, made);
  return made;
}

const serials = new WeakMap<Form, number>();
let serial = 0;

/** Never given twice: a form that was forgotten and made again is another. */
function numberOf(one: Form): number {
  const given = serials.get(one) ?? serial++;
  serials.set(one, given);
  return given;
}
