// SPDX-License-Identifier: Apache-2.0
// Reads tapscope.service for the tests: its command line and its rights.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const lines = readFileSync(join(import.meta.dirname, '../../deploy/tapscope.service'), 'utf8').split('\n');

/** The values of a setting in their order, without the empty one that resets it. */
export function unitValues(name: string): readonly string[] {
  return lines
    .flatMap((line) => (line.startsWith(`${name}=`) ? line.slice(name.length + 1).split(' ') : []))
    .filter(Boolean);
}

export const rights = unitValues('CapabilityBoundingSet');

/** The kernel's symbols as that unit has them: open, at standard input, by root. */
const SYMBOLS = ['sh', '-c', 'exec "$@" </proc/kallsyms', 'sh'];

/** setpriv with these rights and no others, as the user that the unit takes; without `symbols` nothing is open for it. */
export function withRights(names: readonly string[], symbols = true): readonly string[] {
  const added = ['-all', ...names.map((name) => name.toLowerCase().replace('cap_', '+'))].join(',');
  const sets = ['bounding-set', 'inh-caps', 'ambient-caps'].map((set) => `--${set}=${added}`);
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', ...sets];
  return symbols ? [...SYMBOLS, ...user] : user;
}
