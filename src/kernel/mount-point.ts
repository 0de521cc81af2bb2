// SPDX-License-Identifier: Apache-2.0
// Mount points as /proc/PID/mounts and mountinfo write them.
import { nameOfLatin1 } from '../foreign-name.ts';

/** `field`: read as Latin-1, with blanks, line breaks and backslashes in octal (mangle() of fs/proc_namespace.c). */
export function mountPoint(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return nameOfLatin1(bytes);
}
