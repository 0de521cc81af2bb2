// SPDX-License-Identifier: Apache-2.0
// Takes values of a known shape apart, and puts them together again. Runs for each leaf of each snapshot in an interpreter: plain loops,
// nothing allocated while nothing but numbers changes.
import { type Leaf, type Shape, shapeOf } from './shape.ts';

/** The text of a value: which shape it has and what its leaves are. Two of the same value that are the same object are equal. */
export interface Entry {
  readonly shape: Shape;
  readonly leaves: readonly Leaf[];
}

const INITIAL_NUMBERS = 1024;

interface Flattener {
  /** `before`: of the value's earlier state; given back where only numbers changed. */
  readonly take: (value: unknown, before: Entry | undefined) => Entry;
  /** The numbers of the value taken apart last, as many as its shape says. */
  readonly numbers: () => Float64Array;
}

// A closure and no class, and leaves without a call: in the interpreter that halves the time.
export function createFlattener(): Flattener {
  let numbers = new Float64Array(INITIAL_NUMBERS);
  let leaves: readonly Leaf[] = [];
  let changedLeaves: Leaf[] | undefined;
  let number = 0;
  let leaf = 0;
  let latest: Shape | undefined;

  function take(value: unknown, before: Entry | undefined): Entry {
    if (before !== undefined && fits(before, value))
      return changedLeaves ? { shape: before.shape, leaves: changedLeaves } : before;
    // Devices that appear together mostly have the same shape: the latest shape is tried first.
    if (before === undefined && latest && fits(blank(latest), value))
      return { shape: latest, leaves: changedLeaves ?? leaves };
    const shape = shapeOf(value, before?.shape);
    if (shape.numbers > numbers.length) numbers = new Float64Array(2 * shape.numbers);
    if (!fits(blank(shape), value)) throw new Error('A snapshot holds what the history cannot keep.');
    latest = shape;
    return { shape, leaves: changedLeaves ?? leaves };
  }

  function fits(entry: Entry, value: unknown): boolean {
    leaves = entry.leaves;
    changedLeaves = undefined;
    number = 0;
    leaf = 0;
    return walk(entry.shape, value);
  }

  /** False: the value has another shape. */
  function walk(shape: Shape, value: unknown): boolean {
    switch (shape.kind) {
      case 'object':
        return isObject(value) && walkObject(shape, value);
      case 'list':
        return Array.isArray(value) && walkList(shape, value);
      case 'numbers':
        return Array.isArray(value) && copy(shape.length, value);
      case 'map': {
        const [pairs] = shape.parts;
        return value instanceof Map && pairs !== undefined && walk(pairs, [...value]);
      }
      case 'number':
        if (typeof value !== 'number' && value !== undefined) return false;
        numbers[number++] = value ?? Number.NaN;
        return true;
      case 'leaf':
        return takeLeaf(value);
    }
  }

  function walkObject({ keys, parts }: Shape, value: Readonly<Record<string, unknown>>): boolean {
    const present = Object.keys(value);
    const { length } = keys;
    if (present.length !== length) return false;
    for (let index = 0; index < length; index += 1) {
      const key = keys[index];
      const part = parts[index];
      if (key === undefined || part === undefined || present[index] !== key) return false;
      const inside = value[key];
      if (part.kind === 'number' && typeof inside === 'number') numbers[number++] = inside;
      else if (part.kind === 'leaf' && leaves[leaf] === inside && typeof inside === 'string') leaf++;
      else if (!walk(part, inside)) return false;
    }
    return true;
  }

  function walkList({ length, parts }: Shape, value: readonly unknown[]): boolean {
    if (value.length !== length) return false;
    for (let index = 0; index < length; index += 1) {
      const part = parts[index];
      if (part === undefined || !walk(part, value[index])) return false;
    }
    return true;
  }

  function copy(length: number, value: readonly unknown[]): boolean {
    if (value.length !== length) return false;
    for (let index = 0; index < length; index += 1) {
      const one = value[index];
      if (typeof one !== 'number') return false;
      numbers[number++] = one;
    }
    return true;
  }

  function takeLeaf(value: unknown): boolean {
    if (typeof value === 'number' || (typeof value === 'object' && value !== null)) return false;
    const place = leaf++;
    if (leaves[place] !== value) {
      changedLeaves ??= [...leaves];
      changedLeaves[place] = value;
    }
    return true;
  }

  return { take, numbers: () => numbers };
}

/** The value that was taken apart. */
export function unflatten({ shape, leaves }: Entry, numbers: Float64Array): unknown {
  let number = 0;
  let leaf = 0;

  function build(one: Shape): unknown {
    switch (one.kind) {
      case 'number': {
        const value = numbers[number++];
        return Number.isNaN(value) ? undefined : value;
      }
      case 'leaf':
        return leaves[leaf++];
      case 'numbers':
        number += one.length;
        return Array.from(numbers.subarray(number - one.length, number));
      case 'list':
        return one.parts.map(build);
      case 'map': {
        const [pairs] = one.parts.map(build);
        return new Map(Array.isArray(pairs) ? pairs : []);
      }
      case 'object':
        return buildObject(one);
    }
  }

  function buildObject({ keys, parts }: Shape): unknown {
    const made: Record<string, unknown> = {};
    for (let index = 0; index < keys.length; index += 1) {
      const [key, part] = [keys[index], parts[index]];
      if (key !== undefined && part !== undefined) made[key] = build(part);
    }
    return made;
  }

  return build(shape);
}

function blank(shape: Shape): Entry {
  return { shape, leaves: Array<Leaf>(shape.leaves).fill(undefined) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
