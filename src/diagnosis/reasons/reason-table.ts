// SPDX-License-Identifier: Apache-2.0
// The one table of reasons: what each kernel drop reason that a tap's packet can meet means, and what ends it.
import { BRIDGE_ROWS } from './bridge-rows.ts';
import { CHECKSUM_ROWS } from './checksum-rows.ts';
import { DEVICE_ROWS } from './device-rows.ts';
import type { DropRows } from './drop-row.ts';
import { IP_ROWS } from './ip-rows.ts';
import { NEIGHBOUR_ROWS } from './neighbour-rows.ts';
import { POLICY_ROWS } from './policy-rows.ts';
import { SOCKET_ROWS } from './socket-rows.ts';
import { FILTER_ROWS, QDISC_ROWS } from './traffic-rows.ts';

export const REASON_ROWS: DropRows = {
  ...DEVICE_ROWS,
  ...FILTER_ROWS,
  ...QDISC_ROWS,
  ...BRIDGE_ROWS,
  ...CHECKSUM_ROWS,
  ...IP_ROWS,
  ...NEIGHBOUR_ROWS,
  ...POLICY_ROWS,
  ...SOCKET_ROWS,
};

/** The name where the kernel gives no reason: the function alone tells the cause. */
export const NO_REASON = 'NOT_SPECIFIED';
