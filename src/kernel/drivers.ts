// SPDX-License-Identifier: Apache-2.0
// Which drivers this kernel has now.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** Whether one of these modules is loaded or built in; true where that cannot be told. */
export function mayHaveDriver(modules: readonly string[]): boolean {
  try {
    const loaded = readFileSync('/proc/modules', 'utf8')
      .split('\n', 100_000)
      .map((line) => line.split(' ', 1)[0]);
    const builtIn = readFileSync(`/lib/modules/${release()}/modules.builtin`, 'utf8');
    return modules.some((name) => loaded.includes(name) || builtIn.includes(`/${name}.ko`));
  } catch {
    return true;
  }
}
