// SPDX-License-Identifier: Apache-2.0
// The table of the mail that gave vhost-net its zero-copy transmit.
import type { BenchReport, Run } from '../bench-report.ts';
import { cellText } from './cell-text.ts';

const SIZES = [
  [4096, '4K'],
  [8192, '8K'],
  [16_384, '16K'],
  [65_000, '64K'],
] as const;

export function zeroCopyTable({ results }: BenchReport): readonly string[] {
  const messages = results.flatMap(({ cell, ...result }) => (cell.kind === 'message' ? [{ cell, ...result }] : []));
  const devices = [undefined, ...(messages.some(({ cell }) => cell.device) ? (['macvtap'] as const) : [])];
  const wanted = devices.flatMap((device) => SIZES.map(([size, title]) => ({ device, size, title })));
  const rows = wanted.flatMap(({ device, size, title }) =>
    [true, false].map((zeroCopy) => {
      const result = messages.find(
        ({ cell }) => cell.device === device && cell.size === size && cell.zeroCopy === zeroCopy,
      );
      const bandwidth = cellText(result, ({ transmitted, seconds }) => (8e-6 * transmitted * size) / seconds, mbits);
      const cpu = (of: (run: Run) => number | undefined): string =>
        cellText(result, (run) => (100 * (of(run) ?? Number.NaN)) / run.seconds, percent);
      return [
        `${title}${device ? ` ${device}` : ''}${zeroCopy ? '' : '(Orig)'}`,
        bandwidth,
        cpu(({ vmmSeconds }) => vmmSeconds),
        cpu(({ workerSeconds }) => workerSeconds),
        cellText(result, ({ interruptsPerSecond }) => interruptsPerSecond ?? Number.NaN, whole),
      ];
    }),
  );
  const header = ['Message', 'BW(Mb/s)', 'qemu-kvm (NumCPU)', 'vhost-net(NumCPU)', 'PerfTop irq/s'];
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [header, ...rows].map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const mbits = (value: number): string => value.toFixed(2);
const percent = (value: number): string => (Number.isNaN(value) ? 'not seen' : `${value.toFixed(1)}%`);
const whole = (value: number): string => (Number.isNaN(value) ? 'not counted' : value.toFixed(0));
