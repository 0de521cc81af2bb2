// SPDX-License-Identifier: Apache-2.0
// The words that a command was given. Node reads them as UTF-8 and so loses other bytes, which the name of a device may have.
import { readFileSync } from 'node:fs';
import { nameOfLatin1 } from '../foreign-name.ts';

/** Words with such bytes as src/foreign-name.ts writes them, the others as Node has them. */
export function typedWords(
  words: readonly string[],
  commandLine = () => readFileSync('/proc/self/cmdline', 'latin1'),
): readonly string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return words;
  const bytes = commandLine().replace(/\0$/, '').split('\0').slice(-words.length);
  return words.map((word, index) => (word.includes('\ufffd') ? nameOfLatin1(bytes[index] ?? '') : word));
}
