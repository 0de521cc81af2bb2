// SPDX-License-Identifier: Apache-2.0
// The table of drop reasons as a page: what each means, who can end it, and what to type.
import type { DropRow } from '../diagnosis/reasons/drop-row.ts';
import { NOT_OF_TAPS } from '../diagnosis/reasons/not-of-taps.ts';
import { REASON_ROWS } from '../diagnosis/reasons/reason-table.ts';
import { UNNAMED_ROWS } from '../diagnosis/reasons/unnamed-rows.ts';

const HEAD = `# Drop reasons

The kernel gives a reason for most packets that it frees, and tapscope adds the function that did it: \`tapscope_receive_host_dropped_packets_total\` of what came from the guest, \`tapscope_device_other_dropped_packets_total\` of what was for it. This is what each means for a packet of a tap, tun or macvtap, and what ends it, in the order in which \`tapscope diagnose\` says it. \`DEVICE\` stands for the device.

* *loss*: a fault. *meant*: on purpose; a warning of a device that is asked about. *policed*: a rate limit, or what may be one.
* *harmless*: a protocol's ordinary end, never a finding. *noise*: a fault only as a large part of a device's packets.
`;

export function dropReasonsPage(): string {
  const named = Object.entries(REASON_ROWS).map(([reason, rows]) => lineOf(`\`${reason}\``, rows));
  const byFunction = [...grouped(UNNAMED_ROWS)].map(([names, rows]) => lineOf(names, rows));
  const none = Object.entries(NOT_OF_TAPS).map(([reason, why]) => `| \`${reason}\` | ${why} |\n`);
  return [
    HEAD,
    `\n## By reason\n\n${TITLE}${named.join('')}`,
    `\n## Without a reason, by function\n\n\`NOT_SPECIFIED\`, and all drops before Linux 5.17.\n\n${TITLE.replace('reason', 'function')}${byFunction.join('')}`,
    `\n## Not of taps\n\n| reason | why no packet of a tap meets it |\n|---|---|\n${none.join('')}`,
  ].join('');
}

const TITLE = '| reason | where | kind | cause | who | what to type |\n|---|---|---|---|---|---|\n';

/** One line for each row; the reason stands at the first. */
function lineOf(name: string, rows: readonly DropRow[]): string {
  return rows.map((row, place) => `| ${place === 0 ? name : ''} | ${cells(row).join(' | ')} |\n`).join('');
}

function cells(row: DropRow): readonly string[] {
  const [first] = row.remedies;
  const what = first?.command === undefined ? first?.effect : `\`${first.command.replaceAll('{device}', 'DEVICE')}\``;
  return [conditionsOf(row), row.class, row.cause, first?.by ?? '', what ?? ''].map((cell) =>
    cell.replaceAll('|', '\\|'),
  );
}

const WAYS = { from: 'from the guest', to: 'towards it' } as const;
const KINDS = { packets: 'tun', frames: 'tap' } as const;

function conditionsOf({ at, way, carries }: DropRow): string {
  const functions = at?.map((name) => `\`${name}\``).join(', ');
  return [functions, way && WAYS[way], carries && KINDS[carries]].filter((one) => one !== undefined).join('; ');
}

/** Functions with the same rows share a line. */
function grouped(rows: ReadonlyMap<string, readonly DropRow[]>): ReadonlyMap<string, readonly DropRow[]> {
  const names = new Map<string, string>();
  const groups = new Map<string, readonly DropRow[]>();
  for (const [name, list] of rows) {
    const key = list.map(({ cause }) => cause).join('\n');
    names.set(key, [names.get(key), `\`${name}\``].filter((one) => one !== undefined).join(', '));
    groups.set(key, list);
  }
  return new Map([...groups].map(([key, list]) => [names.get(key) ?? '', list.map(({ at: _, ...row }) => row)]));
}
