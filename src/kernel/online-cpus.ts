// SPDX-License-Identifier: Apache-2.0
import { cpus } from 'node:os';

/** CPUs of the host that are online: what shares of the host refer to. */
export function onlineCpus(): number {
  return cpus().length;
}
