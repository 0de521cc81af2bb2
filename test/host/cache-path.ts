// SPDX-License-Identifier: Apache-2.0
// What is large or takes long to make, and is the same for every clone of this user.
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A path in the user's cache, outside any clone. */
export function cachePath(what: string): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tapscope', what);
}
