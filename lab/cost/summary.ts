// SPDX-License-Identifier: Apache-2.0
// What the figures say, in one paragraph.
import { BASELINE, CONFIGURATIONS, COUNTS_ALL, DEFAULT_LEVEL, LEAN_LEVEL, RAW_MODE } from './configurations.ts';
import { added, hasScales, widest } from './cost-table.ts';
import type { Measured } from './measure-paths.ts';
import type { Path } from './packet-paths.ts';

export function summary(measured: Measured, series: string): string {
  const { prices } = measured;
  const nothing = prices.get(BASELINE) ?? {};
  const more = (name: string, path: Path): number => Math.round(added(path, prices.get(name) ?? {}, nothing) ?? 0);
  const both = (name: string): number => more(name, 'enqueue') + more(name, 'read');
  const whole = (nothing.enqueue ?? 0) + (nothing.read ?? 0);
  const share = (name: string): string => `${((100 * both(name)) / whole).toFixed(0)} %`;
  const scale = (name: string): string => `${(100 * widest(measured, [name])).toFixed(1)} %`;
  const rivals = CONFIGURATIONS.filter(({ name, byDeviceAndReason }) => byDeviceAndReason && prices.has(name));
  const sentences = [
    `On Linux ${series} a packet that is sent into a tap and read costs ${Math.round(whole)} instructions: level exact adds ${both(DEFAULT_LEVEL)} ` +
      `(${share(DEFAULT_LEVEL)}), level lean ${both(LEAN_LEVEL)} (${share(LEAN_LEVEL)}), raw mode ${both(RAW_MODE)} (${share(RAW_MODE)}).`,
    `A drop costs ${more(DEFAULT_LEVEL, 'drop')}, ${more(LEAN_LEVEL, 'drop')} and ${more(RAW_MODE, 'drop')} more; with tools that count drops by device and reason ` +
      `${rivals.map(({ name }) => `${more(name, 'drop')} (${name})`).join(', ')}. ` +
      `They count nothing else, as level lean does on this path; level exact counts each packet too, for which one pays ${more(COUNTS_ALL, 'drop')} there (${COUNTS_ALL}).`,
    `A drop elsewhere on the host costs ${more(DEFAULT_LEVEL, 'foreign drop')} more, since it could be one on the way to a tap; a packet of another device nothing, ` +
      `and in raw mode ${more(RAW_MODE, 'foreign packet')}.`,
    ...(hasScales(measured)
      ? [
          `With 4 or 256 queues or 1 000 devices in turn a packet costs the same within ${scale(DEFAULT_LEVEL)} at level exact, ${scale(RAW_MODE)} in raw mode ` +
            `and ${scale(LEAN_LEVEL)} at level lean, where each drop is cheap.`,
        ]
      : []),
  ];
  return sentences.join('\n');
}
