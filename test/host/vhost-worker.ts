// SPDX-License-Identifier: Apache-2.0
// The thread of vhost-net that serves a test reader's queue.

import type { TestReader } from '../test-reader/test-reader.ts';
import type { NamespaceLab } from './netns.ts';

/** `vhost-PID` is a kernel thread before Linux 6.4, and one of the process since. */
export async function workerOf(lab: NamespaceLab, { pid }: TestReader): Promise<number> {
  // A foreign thread that ends meanwhile is an error to grep, even if it found a match.
  const found = await lab.exec('sh', '-c', `grep -s -l -x vhost-${pid} /proc/[0-9]*/task/[0-9]*/comm || :`);
  return Number(/task\/(\d+)\//.exec(found)?.[1]);
}
