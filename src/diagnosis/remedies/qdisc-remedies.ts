// SPDX-License-Identifier: Apache-2.0
// Remedies for a qdisc in which packets stand, with its own handles.
import type { BacklogHolder } from '../../snapshot/device.ts';
import type { Remedy } from '../finding.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { hostCommand, inNamespaceOf, quoted } from './command.ts';

/** They keep their queue short by themselves. */
const MANAGED: readonly string[] = ['fq_codel', 'codel', 'cake', 'cake_mq', 'fq_pie', 'pie'];

/** 0x80010000 is '8001:', 0x00010010 '1:10': as tc writes it. */
function handleText(handle: number): string {
  const minor = handle & 0xffff;
  return `${(handle >>> 16).toString(16)}:${minor === 0 ? '' : minor.toString(16)}`;
}

/** 'tbf', 'htb (class 1:10)', 'tbf (queue 2)' */
export function holderName(holder: BacklogHolder): string {
  return `${holder.kind}${placeIn(holder)}`;
}

/** The same with its handle: 'tbf 8001:'. */
export function partName(holder: BacklogHolder): string {
  const { kind, handle } = holder;
  return `${kind}${handle === 0 ? '' : ` ${handleText(handle)}`}${placeIn(holder)}`;
}

/** The one class of tbf says nothing that tbf does not. */
function placeIn({ kind, class: classId, queue }: BacklogHolder): string {
  const where = [
    ...(queue === undefined ? [] : [`queue ${queue}`]),
    ...(classId === 0 || kind === 'tbf' ? [] : [`class ${handleText(classId)}`]),
  ];
  return where.length === 0 ? '' : ` (${where.join(', ')})`;
}

/** Best first: what it is set to, a short queue below the same rate, and no shaper at all. */
export function changeQdisc(device: DeviceSpan, window: Window, holder: BacklogHolder): readonly Remedy[] {
  const name = quoted(device.now.name);
  const hasClasses = holder.class !== 0 && holder.kind !== 'tbf';
  const show = hostCommand(
    device,
    window,
    `tc -s ${hasClasses ? 'class' : 'qdisc'} show dev ${name}`,
    'Shows rate, limit and backlog. Where more is meant to pass: the same with a higher rate, by tc … change.',
  );
  return [show, ...shorten(device, window, holder), remove(device, window, holder)];
}

function shorten(device: DeviceSpan, window: Window, { kind, class: classId }: BacklogHolder): readonly Remedy[] {
  if (classId === 0 || kind === 'netem' || MANAGED.includes(kind)) return [];
  return [
    {
      command: inNamespaceOf(
        device,
        window,
        `tc qdisc replace dev ${quoted(device.now.name)} parent ${handleText(classId)} fq_codel`,
      ),
      effect: 'Keeps the rate and the queue short, by dropping early; what waits now is lost. Needs sch_fq_codel.',
      lossless: false,
      restart: false,
      by: 'host',
    },
  ];
}

/** A leaf that delays is taken from its class, and leaves the shaper. */
function remove(device: DeviceSpan, window: Window, { kind, class: classId, queue }: BacklogHolder): Remedy {
  const isLeaf = kind === 'netem' && classId !== 0;
  const place = isLeaf ? `parent ${handleText(classId)}` : 'root';
  return {
    command: inNamespaceOf(device, window, `tc qdisc delete dev ${quoted(device.now.name)} ${place}`),
    effect: `Only if ${kind === 'netem' ? 'no delay' : 'no shaper'} is meant${queue === undefined ? '' : ' on any queue'}: the default qdisc takes its place; what waits is lost.`,
    lossless: false,
    restart: false,
    by: 'host',
  };
}
