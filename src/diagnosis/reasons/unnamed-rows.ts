// SPDX-License-Identifier: Apache-2.0
// Drops without a reason (NOT_SPECIFIED, and all of a kernel before 5.17), by the kernel function that freed the packet.

import type { DropRow } from './drop-row.ts';
import { BRIDGE, OPEN_VSWITCH } from './unnamed/bridge.ts';
import { DEVICE } from './unnamed/device.ts';
import { FILTER } from './unnamed/filter.ts';
import { IP } from './unnamed/ip.ts';
import { SOCKET } from './unnamed/socket.ts';

export const UNNAMED_ROWS: ReadonlyMap<string, readonly DropRow[]> = new Map([
  ...BRIDGE,
  ...DEVICE,
  ...FILTER,
  ...IP,
  ...SOCKET,
  ...OPEN_VSWITCH,
]);
