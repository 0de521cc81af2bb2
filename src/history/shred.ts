// SPDX-License-Identifier: Apache-2.0
// Takes values of a known form apart, and puts them together again. Runs for each leaf of each snapshot in an interpreter: plain loops,
// nothing allocated while nothing but numbers changes.
import { type Form, formOf, type Word } from './form.ts';

/** The text of a value: which form it has and what its words are. Two of the same value that are the same object are equal. */
export interface Entry {
  readonly form: Form;
  readonly words: readonly Word[];
}

const INITIAL_NUMBERS = 1024;

interface Apart {
  /** `before`: of the value's earlier state; given back where only numbers changed. */
  readonly take: (value: unknown, before: Entry | undefined) => Entry;
  /** The numbers of the value taken apart last, as many as its form says. */
  readonly numbers: () => Float64Array;
}

// A closure and no class, and leaves without a call: in the interpreter that halves the time.
export function createShredder(): Apart {
  let numbers = new Float64Array(INITIAL_NUMBERS);
  let words: readonly Word[] = [];
  let changedWords: Word[] | undefined;
  let number = 0;
  let word = 0;
  let latest: Form | undefined;

  function take(value: unknown, before: Entry | undefined): Entry {
    if (before !== undefined && fits(before, value))
      return changedWords ? { form: before.form, words: changedWords } : before;
    // Devices that appear together mostly have the same form: the latest form is tried first.
    if (before === undefined && latest && fits(blank(latest), value))
      return { form: latest, words: changedWords ?? words };
    const form = formOf(value, before?.form);
    if (form.numbers > numbers.length) numbers = new Float64Array(2 * form.numbers);
    if (!fits(blank(form), value)) throw new Error('A snapshot holds what the history cannot keep.');
    latest = form;
    return { form, words: changedWords ?? words };
  }

  function fits(entry: Entry, value: unknown): boolean {
    words = entry.words;
    changedWords = undefined;
    number = 0;
    word = 0;
    return walk(entry.form, value);
  }

  /** False: the value has another form. */
  function walk(form: Form, value: unknown): boolean {
    switch (form.kind) {
      case 'object':
        return isObject(value) && walkObject(form, value);
      case 'list':
        return Array.isArray(value) && walkList(form, value);
      case 'numbers':
        return Array.isArray(value) && copy(form.length, value);
      case 'map': {
        const [pairs] = form.parts;
        return value instanceof Map && pairs !== undefined && walk(pairs, [...value]);
      }
      case 'number':
        if (typeof value !== 'number' && value !== undefined) return false;
        numbers[number++] = value ?? Number.NaN;
        return true;
      case 'word':
        return takeWord(value);
    }
  }

  function walkObject({ keys, parts }: Form, value: Readonly<Record<string, unknown>>): boolean {
    const present = Object.keys(value);
    const { length } = keys;
    if (present.length !== length) return false;
    for (let index = 0; index < length; index += 1) {
      const key = keys[index];
      const part = parts[index];
      if (key === undefined || part === undefined || present[index] !== key) return false;
      const inside = value[key];
      if (part.kind === 'number' && typeof inside === 'number') numbers[number++] = inside;
      else if (part.kind === 'word' && words[word] === inside && typeof inside === 'string') word++;
      else if (!walk(part, inside)) return false;
    }
    return true;
  }

  function walkList({ length, parts }: Form, value: readonly unknown[]): boolean {
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

  function takeWord(value: unknown): boolean {
    if (typeof value === 'number' || (typeof value === 'object' && value !== null)) return false;
    const place = word++;
    if (words[place] !== value) {
      changedWords ??= [...words];
      changedWords[place] = value;
    }
    return true;
  }

  return { take, numbers: () => numbers };
}

/** The value that was taken apart. */
export function together({ form, words }: Entry, numbers: Float64Array): unknown {
  let number = 0;
  let word = 0;

  function build(one: Form): unknown {
    switch (one.kind) {
      case 'number': {
        const value = numbers[number++];
        return Number.isNaN(value) ? undefined : value;
      }
      case 'word':
        return words[word++];
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

  function buildObject({ keys, parts }: Form): unknown {
    const made: Record<string, unknown> = {};
    for (let index = 0; index < keys.length; index += 1) {
      const [key, part] = [keys[index], parts[index]];
      if (key !== undefined && part !== undefined) made[key] = build(part);
    }
    return made;
  }

  return build(form);
}

function blank(form: Form): Entry {
  return { form, words: Array<Word>(form.words).fill(undefined) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
