// SPDX-License-Identifier: Apache-2.0
// The live page for a browser without JavaScript: the findings and the queues, as HTML without style or script.
import type { Finding } from '../diagnosis/finding.ts';
import { count, hiddenWords } from '../diagnosis/format.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import type { Status } from '../diagnosis/status.ts';
import { visible } from '../snapshot/visible.ts';
import { whose } from './owner-label.ts';
import { idOf, queueNames } from './queue-names.ts';
import { short } from './short-figures.ts';
import { counted } from './terminal-text.ts';

interface PageText {
  readonly verdict: Status;
  /** The worst first. */
  readonly findings: readonly Finding[];
  readonly queues: readonly QueueRate[];
  /** Unix time, seconds. */
  readonly takenAt: number;
  /** Devices that the filter of the agent leaves out; absent: none. */
  readonly hiddenDevices?: number | undefined;
}

/** A page of a thousand queues is for the API. */
const MOST = { findings: 30, queues: 200 };

export function renderPageText({ verdict, findings, queues, takenAt, hiddenDevices = 0 }: PageText): string {
  const at = `${new Date(takenAt * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const answer = findings.length === 0 ? 'nothing was found' : counted(findings.length, 'finding');
  const others = findings.length - MOST.findings;
  return [
    `<h2>${escaped(verdict.toUpperCase())}: ${counted(queues.length, 'queue')}, ${answer}</h2>`,
    `<p>As of ${at}. Without JavaScript this page stays as it is: reload it for newer figures.</p>`,
    ...findings.slice(0, MOST.findings).map(findingText),
    others > 0 ? `<p>And ${others} more: <a href="/api/v1/findings">all as JSON</a>.</p>` : '',
    listOf(queues, hiddenDevices),
  ].join('\n');
}

function findingText({ severity, cause, rule, evidence, remedies }: Finding): string {
  return [
    `<article><h2>${severity.toUpperCase()}: ${escaped(cause)}</h2>`,
    `<p>Rule ${escaped(rule)}</p>`,
    `<ul>${evidence.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`,
    ...remedies.map(({ command, effect }) => {
      const typed = command === undefined ? '' : `<pre>${command.split('\n').map(escaped).join('\n')}</pre>`;
      return `<p>Do:</p>${typed}<p>${escaped(effect)}</p>`;
    }),
    '</article>',
  ].join('\n');
}

function listOf(queues: readonly QueueRate[], hidden: number): string {
  if (queues.length === 0 && hidden > 0) return `<p>No queue is shown: ${hiddenWords(hidden)}.</p>`;
  if (queues.length === 0) return '<p>No tun, tap or macvtap device is on this host.</p>';
  const names = queueNames(queues);
  const losses = (one: QueueRate): number => (one.dropped ?? 0) + (one.lostBefore ?? 0);
  const shown = queues.toSorted((a, b) => losses(b) - losses(a)).slice(0, MOST.queues);
  const items = shown.map((one) => {
    const { ring, owner, namespace, offered, dropped } = one;
    const name = names.get(idOf(one)) ?? one.device;
    const figures = `${short(dropped)} of ${short(offered)} packets/s lost`;
    const held = ring ? `, ${count(ring.occupancy)} of ${count(ring.capacity)} in the ring` : '';
    return `<li><strong>${escaped(name)}</strong>: ${figures}${held}, ${escaped(`${owner ? whose(owner) : 'no owner'} in ${namespace}`)}</li>`;
  });
  const more = queues.length > shown.length ? `<p>And ${queues.length - shown.length} more queues.</p>` : '';
  return `<h2>Queues</h2>\n<ul>\n${items.join('\n')}\n</ul>${more}`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Names that others chose are no markup, and cannot end the element. */
function escaped(text: string): string {
  return visible(text).replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? '');
}
