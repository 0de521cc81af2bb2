// SPDX-License-Identifier: Apache-2.0
// Performance data as Nagios and Icinga take it (the plugin API): 'label'=value[unit];[warn];[crit];[min];[max], with blanks between.
import { isProblem } from '../diagnosis/order.ts';
import type { Stated } from './first-line.ts';

/** Labels never change: a graph is drawn by label. `lost` and `sent` count on (c) from when each device was made. */
export function perfdataOf({ verdict, devices, last }: Stated, now = Date.now() / 1000): string {
  const queues = devices.flatMap((device) => device.queues);
  const full = queues.filter(({ ring }) => ring !== undefined && ring.occupancy + ring.lag >= ring.capacity).length;
  const lost = devices.reduce((sum, { counters }) => sum + (counters?.txDropped ?? 0), 0);
  const sent = devices.reduce((sum, { counters }) => sum + (counters?.txPackets ?? 0), 0);
  return [
    `problems=${verdict.findings.filter(isProblem).length};;;0`,
    `devices=${devices.length};;;0`,
    `queues=${queues.length};;;0`,
    `full_queues=${full};;;0;${queues.length}`,
    `lost=${lost}c;;;0`,
    `sent=${sent}c;;;0`,
    `age=${Math.max(0, now - last.takenAt).toFixed(1)}s;;;0`,
  ].join(' ');
}
