// SPDX-License-Identifier: Apache-2.0
// One queue of `tapscope top`, after Enter: its figures, what was found, and what to type.

import { diagnoseIt } from '../diagnosis/remedies/command.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { plainName } from './queue-names.ts';
import { stateInFull } from './reader-state.ts';
import { percent, short, time } from './short-figures.ts';
import { type Layout, paint, wrap } from './terminal-text.ts';
import { STATUS_STYLES } from './top-columns.ts';
import type { TopRow } from './top-rows.ts';
import { renderFinding } from './verdict.ts';

const COLUMN = 16;

export function renderDetail(row: TopRow, last: Snapshot, layout: Layout): readonly string[] {
  const { rate, status, findings } = row;
  const owner = rate.owner ? ` of ${whose(rate.owner)}` : '';
  const [first = '', ...others] = wrap(
    visible(`${plainName(rate)}${owner} in namespace ${rate.namespace}: ${status}`),
    layout.width,
  );
  const style = STATUS_STYLES[status] ?? 'bold';
  return [
    ...[first, ...others].map((line) => paint(layout, style, line)),
    '',
    ...figures(row).flatMap(([what, text]) =>
      layout.width < 3 * COLUMN
        ? wrap(visible(`${what}: ${text}`), layout.width)
        : wrap(visible(text), layout.width, what.padEnd(COLUMN)),
    ),
    '',
    ...findings.flatMap((finding) => [...renderFinding(finding, last, layout), '']),
    ...wrap(visible(moreOf(row)), layout.width),
  ];
}

function figures({ rate }: TopRow): readonly (readonly [string, string])[] {
  const { offered, dropped, written, lostBefore, ring, stopped, sojourn, reader, state } = rate;
  const isShare = offered !== undefined && dropped !== undefined && offered > 0 && dropped <= offered;
  const share = isShare ? ` (${Number(((100 * dropped) / offered).toPrecision(2))} %)` : '';
  const did = state === undefined ? '' : `; while the queue was full or stopped it was mostly ${stateInFull(state)}`;
  return [
    ['To the reader', `${short(offered)} packets/s offered, ${short(dropped)} packets/s lost${share}`],
    ...(written === undefined
      ? []
      : [['From the reader', `${short(written)} packets/s, of the whole device`] as const]),
    ...(lostBefore === undefined
      ? []
      : [['Lost before tun', `${short(lostBefore)} packets/s, of the whole device`] as const]),
    ...(ring
      ? [['Ring', `${ring.occupancy} of ${ring.capacity} packets wait, at most ${ring.highwater}`] as const]
      : []),
    ...(sojourn === undefined ? [] : [['Delay', `99 of 100 packets waited less than ${time(sojourn)}`] as const]),
    ...(stopped === undefined ? [] : [['Stopped', `${percent(stopped)} of the time`] as const]),
    ...(reader
      ? [['Reader', `${reader.name}${reader.thread === undefined ? '' : ` (thread ${reader.thread})`}${did}`] as const]
      : []),
  ];
}

function moreOf({ rate: { device, namespace }, findings }: TopRow): string {
  const longer = `To watch longer: ${diagnoseIt(device, namespace)}`;
  return findings.length > 0 ? longer : `No rule found anything in the last 10 s. ${longer}`;
}
