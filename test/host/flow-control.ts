// SPDX-License-Identifier: Apache-2.0
// Whether this kernel's tun can stop a queue that is full (IFF_BACKPRESSURE).

import { PROBE_SYMBOLS } from '../../src/engine/probe-symbols.ts';
import { readHost } from '../../src/kernel/host.ts';

/** For `test(name, { skip: neverStops }, …)`: why tun never stops a queue here, or false. */
export const neverStops: string | false =
  readHost(PROBE_SYMBOLS).symbols?.address('__tun_wake_queue') === undefined && 'tun never stops a queue here';
