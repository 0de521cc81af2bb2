// SPDX-License-Identifier: Apache-2.0
// A person who may load no program would be told of 0 devices.
import { readFileSync } from 'node:fs';

/** CAP_BPF, and CAP_SYS_ADMIN, which was it before Linux 5.8. */
const LOADING = [39n, 21n];

/** Throws one sentence where this process may load no program. */
export function refuseWithoutRights(words = process.argv.slice(2)): void {
  if (process.geteuid?.() === 0) return;
  const mask = /^CapEff:\s*([\da-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  if (LOADING.some((bit) => (BigInt(`0x${mask}`) >> bit) & 1n)) return;
  throw new Error(`not root, so tapscope sees nothing. Type: sudo tapscope ${words.join(' ')}`);
}
