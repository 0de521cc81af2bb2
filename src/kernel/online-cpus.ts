// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** CPUs of the host that are online: what shares of the host refer to. os.cpus() would also read the times and the frequency of each. */
export function onlineCpus(): number {
  return cpusIn(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
}

/** '0-2,4' → 4. */
export function cpusIn(list: string): number {
  return list.split(',').reduce((sum, part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return sum + last - first + 1;
  }, 0);
}
