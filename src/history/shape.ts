// SPDX-License-Identifier: Apache-2.0
// A value taken apart: its shape, its numbers, and its other leaves (leaves). Together they are the value again. Plain objects, arrays
// and Maps; −0 comes back as 0.

/** A value that is no number: a string, true, false, undefined. */
export type Leaf = unknown;

type Kind = 'number' | 'leaf' | 'numbers' | 'list' | 'object' | 'map';

export interface Shape {
  readonly kind: Kind;
  /** The keys of an object; other kinds have none. */
  readonly keys: readonly string[];
  /** The shapes of an object's values or a list's entries; a map has one, that of the list of its pairs. */
  readonly parts: readonly Shape[];
  /** The length of a list; 0 for other kinds. */
  readonly length: number;
  /** Numbers and leaves of the whole. */
  readonly numbers: number;
  readonly leaves: number;
}

/** Some hundreds are in use where devices differ in what was ever seen of them; beyond this many they are forgotten, and made again. */
const MOST_KNOWN = 5000;
const known = new Map<string, Shape>();

/** Forms that are alike are one object. A number that was undefined, or is now and was none before, keeps its shape: NaN stands for undefined. */
export function shapeOf(value: unknown, before: Shape | undefined): Shape {
  if (typeof value === 'number' || (value === undefined && before?.kind === 'number'))
    return shape('number', 0, [], []);
  if (typeof value !== 'object' || value === null) return shape('leaf', 0, [], []);
  if (value instanceof Map) return shape('map', 0, [], [shapeOf([...value], before?.parts[0])]);
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((entry) => typeof entry === 'number'))
      return shape('numbers', value.length, [], []);
    const parts = value.map((entry, index) => shapeOf(entry, before?.parts[index]));
    return shape('list', value.length, [], parts);
  }
  const parts = Object.entries(value).map(([key, entry]) => {
    const place = before?.keys.indexOf(key) ?? -1;
    return shapeOf(entry, before?.parts[place]);
  });
  return shape('object', 0, Object.keys(value), parts);
}

function shape(kind: Kind, length: number, keys: readonly string[], parts: readonly Shape[]): Shape {
  const key = JSON.stringify([kind, length, keys, parts.map((part) => numberOf(part))]);
  const alike = known.get(key);
  if (alike) return alike;
  if (known.size >= MOST_KNOWN) known.clear();
  const own = { number: [1, 0], leaf: [0, 1], numbers: [length, 0], list: [0, 0], object: [0, 0], map: [0, 0] }[kind];
  const sum = (count: (part: Shape) => number, first = 0): number =>
    parts.reduce((total, part) => total + count(part), first);
  const made: Shape = {
    kind,
    keys,
    parts,
    length,
    numbers: sum(({ numbers }) => numbers, own[0]),
    leaves: sum(({ leaves }) => leaves, own[1]),
  };
  known.set(key, made);
  return made;
}

const serials = new WeakMap<Shape, number>();
let serial = 0;

/** Never given twice: a shape that was forgotten and made again is another. */
function numberOf(one: Shape): number {
  const given = serials.get(one) ?? serial++;
  serials.set(one, given);
  return given;
}
