// SPDX-License-Identifier: Apache-2.0
// Paths that lead to namespaces, listed again where one is missing.
import { listNamespaces, ownNamespace } from '../../kernel/namespaces.ts';

/** All processes are looked at then. */
const LISTED_EVERY_MS = 900;

export class NamespacePaths {
  /** Of namespaces that could be entered when they were listed; undefined: the own one. */
  #paths = new Map<number, string | undefined>();
  #listedMs = Number.NEGATIVE_INFINITY;

  /** undefined: it is the own one. Throws where nothing leads there. */
  async to(netns: number): Promise<string | undefined> {
    if (!this.#paths.has(netns) && performance.now() - this.#listedMs > LISTED_EVERY_MS) {
      this.#listedMs = performance.now();
      const own = await ownNamespace();
      const all = await listNamespaces();
      this.#paths = new Map(all.map(({ inode, path }) => [inode, inode === own ? undefined : path]));
    }
    if (!this.#paths.has(netns)) throw Object.assign(new Error('No path leads to the namespace.'), { code: 'ENOENT' });
    return this.#paths.get(netns);
  }

  /** The next namespace may have its number, and another path. */
  forget(netns: number): void {
    this.#paths.delete(netns);
  }
}
