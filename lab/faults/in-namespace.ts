// SPDX-License-Identifier: Apache-2.0
// A network namespace that is there for one piece of work.
import { type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';

/** What was made in it is undone when `use` is done. */
export async function inNamespace(use: (lab: NamespaceLab) => Promise<void>): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const lab = await namespaceLab({ after: (step) => void undo.unshift(step) });
  try {
    await use(lab);
  } finally {
    for (const step of undo) await step();
  }
}
