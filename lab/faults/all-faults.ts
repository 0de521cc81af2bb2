// SPDX-License-Identifier: Apache-2.0
// All faults, in the order of the table.
import { DEVICE_CHANGES } from './cases/changed-devices.ts';
import { DESCRIPTOR_SHORTAGES } from './cases/descriptors.ts';
import { INTRUDERS } from './cases/intruder.ts';
import { KILLS } from './cases/killed.ts';
import { CLIENT_FAULTS } from './cases/rude-clients.ts';
import { SIDE_DOORS } from './cases/side-doors.ts';
import { STALLS } from './cases/stalled.ts';
import { SHORTAGES } from './cases/starved.ts';
import { TRAFFIC_FAULTS } from './cases/troubled-traffic.ts';
import type { Fault } from './fault.ts';

export const FAULTS: readonly Fault[] = [
  ...KILLS,
  ...STALLS,
  ...DESCRIPTOR_SHORTAGES,
  ...SHORTAGES,
  ...DEVICE_CHANGES,
  ...TRAFFIC_FAULTS,
  ...CLIENT_FAULTS,
  ...SIDE_DOORS,
  ...INTRUDERS,
];
