// SPDX-License-Identifier: Apache-2.0
// Packets of the whole host, of all devices and namespaces.
import { readFileSync } from 'node:fs';

/**
 * Packets that the network stack was given since the CPUs came online (kernel: softnet_data.processed). Each CPU's number begins anew at 2³².
 * One that a bridge or a veth passes on counts at each device that receives it.
 */
export function receivedPackets(text = readFileSync('/proc/net/softnet_stat', 'latin1')): number {
  return text.split('\n').reduce((sum, line) => sum + (Number.parseInt(line, 16) || 0), 0);
}
