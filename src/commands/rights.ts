// SPDX-License-Identifier: Apache-2.0
// A person who may load no program would be told of 0 devices.
import { mayLoadPrograms } from '../kernel/host.ts';
import { tapscope } from '../own-command.ts';

/** Throws one sentence where this process may load no program. */
export function refuseWithoutRights(words = process.argv.slice(2)): void {
  if (process.geteuid?.() === 0 || mayLoadPrograms()) return;
  throw new Error(`not root, so tapscope sees nothing. Type: sudo ${tapscope(words.join(' '))}`);
}
