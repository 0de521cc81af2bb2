// SPDX-License-Identifier: Apache-2.0
// `perf report` of pktgen's threads and of those that read, as in the thread: which functions, and the shares that it asks about.
import type { BenchReport, CellResult, ProfileRun } from '../bench-report.ts';
import { boxed } from './boxed.ts';
import { READERS, STOCK_AND_PATCHED, sendResult, whatIsMissing } from './cell-text.ts';

/** What the thread suspects. */
export const KINDS: readonly (readonly [name: string, functions: RegExp])[] = [
  [
    'copy to user',
    /^(_copy_to_iter|simple_copy_to_iter|skb_copy_datagram_iter|__skb_datagram_iter|iov_iter_zero|_?_?copy_to_user\w*|copy_user_\w+|rep_movs_alternative|rep_stos_alternative)$/,
  ],
  ['hardened usercopy', /^(__check_object_size|__?check_heap_object|check_stack_object|__virt_addr_valid)$/],
  ['SRSO thunks', /^(srso_\w+|__x86_return_thunk|zen_untrain_ret|entry_untrain_ret)$/],
];
/** Of which the mail's lists have their most. */
const LINES = 10;

export function profileTable(report: BenchReport): readonly string[] {
  const groups = READERS.flatMap(([reader, title, below]) =>
    (['sender', 'reader'] as const).map((side) => {
      const threads = side === 'sender' ? 'pktgen' : reader === 'tap' ? 'the reader' : 'vhost worker';
      const columns = STOCK_AND_PATCHED.map(([flow]) => columnOf(sendResult(report, { reader, flow }), side));
      const names = ['samples', ...KINDS.map(([name]) => name), 'most'];
      return Array.from({ length: names.length - 1 + LINES }, (_, row) => [
        row === 0 ? `${title} ${below}`.trimEnd() : row === 1 ? threads : '',
        names[row] ?? '',
        ...columns.map((column) => column[row] ?? ''),
      ]);
    }),
  );
  return boxed(['perf report', '', ...STOCK_AND_PATCHED.map(([, title]) => title)], groups, 'group');
}

/** Of all repeats together. */
function columnOf(result: CellResult | undefined, side: keyof ProfileRun): readonly string[] {
  if (result === undefined || result.missing !== null) return [whatIsMissing(result?.missing ?? 'not measured')];
  const profiles = result.runs.flatMap(({ profile }) => profile?.[side] ?? []);
  const total = profiles.reduce((sum, { samples }) => sum + samples, 0);
  if (total === 0) return ['no sample: it slept, or the kernel hides its symbols'];
  const counts = new Map<string, number>();
  for (const { symbols } of profiles)
    for (const [name, samples] of Object.entries(symbols)) counts.set(name, (counts.get(name) ?? 0) + samples);
  const share = (samples: number): string => `${((100 * samples) / total).toFixed(2)}%`;
  const kinds = KINDS.map(([, functions]) =>
    share([...counts].reduce((sum, [name, samples]) => sum + (functions.test(name) ? samples : 0), 0)),
  );
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, LINES);
  const clocks = [...new Set(profiles.map(({ clock }) => clock))].join(' and ');
  return [`${total} of ${clocks}`, ...kinds, ...most.map(([name, samples]) => `${share(samples)} ${name}`)];
}
