// SPDX-License-Identifier: Apache-2.0
// A busy host: so many loops that compute, of ordinary priority.

import type { Scope } from '../../test/agent/shared-agent.ts';
import { startProcess } from './process.ts';

export function busyLoops(scope: Scope, count: number): void {
  for (let left = count; left > 0; left--) startProcess(scope, undefined, ['sh', '-c', 'while :; do :; done']);
}
