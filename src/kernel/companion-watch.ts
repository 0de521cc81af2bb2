// SPDX-License-Identifier: Apache-2.0
// The modules beside tun, asked for each second at the price of one stat() while none comes or goes.
import { statSync } from 'node:fs';
import { loadedModules } from './host.ts';

/** One that was unloaded while another was loaded leaves their number as it was. */
const READ_EVERY_MS = 10_000;

export class CompanionWatch {
  readonly #names: readonly string[];
  #links: number | undefined;
  #known = '';
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** As loadedModules() has them; that two changed places between two calls is seen 10 s later at most. */
  now(nowMs = performance.now()): string {
    const links = moduleFolders();
    if (links === this.#links && nowMs - this.#readMs < READ_EVERY_MS) return this.#known;
    this.#links = links;
    this.#readMs = nowMs;
    this.#known = loadedModules(this.#names);
    return this.#known;
  }
}

/** Each loaded module is a folder there, which counts as a link of the one that it is in (kernel: kernfs_refresh_inode()). */
function moduleFolders(): number | undefined {
  return statSync('/sys/module', { throwIfNoEntry: false })?.nlink;
}
