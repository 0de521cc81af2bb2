// SPDX-License-Identifier: Apache-2.0
import type { BridgePort } from '../../src/snapshot/device.ts';

/** Of br0, and passes all. */
export const OPEN_PORT: BridgePort = {
  bridge: 'br0',
  bridgeUp: true,
  state: 'forwarding',
  stp: 'off',
  isolated: false,
  isolatedBeside: 0,
  learns: true,
  floods: true,
};
