// SPDX-License-Identifier: Apache-2.0
// The live page at /: the answer, the findings, all queues; or one queue, by the address's fragment.

import { keyOf } from '../diagnosis/active-findings.ts';
import type { LiveMessage } from '../outputs/live-message.ts';
import { mark, say } from './element.ts';
import { FindingList } from './finding-list.ts';
import { listen } from './live-updates.ts';
import { QueueTable } from './queue-table.ts';
import { type QueueAddress, QueueView } from './queue-view.ts';

const main = part('main');
const answer = part('answer');
const stream = part('stream');
const announced = part('announced');
const findings = new FindingList();
const table = new QueueTable();
let view: QueueView | undefined;
/** What had the focus in the list when a queue was chosen there. */
let opener: Element | null = null;
let newest: LiveMessage | undefined;
/** What the answer was about when it was announced: its figures change every second, and a screen reader should not read them all. */
let subject: string | undefined;

function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no part ${id}.`);
  return found;
}

function draw(message: LiveMessage): void {
  newest = message;
  const { host, takenAt, queues, verdict } = message;
  const worst = message.findings[0];
  tell(verdict, answerOf(message), `${verdict} ${worst ? keyOf(worst) : ''}`);
  const time = new Date(takenAt * 1000).toLocaleTimeString([], { hour12: false });
  say(stream, `${location.hostname}, Linux ${host.kernel}, tapscope ${host.version}, ${time}`);
  if (view) view.show(message);
  else {
    findings.show(message.findings, queues.length > 0 ? '' : 'There is no tun or tap queue on this host now.');
    table.show(queues);
  }
}

/** Announced to those who hear the page where it is about something else than before. */
function tell(verdict: string, sentence: string, about: string): void {
  mark(answer, verdict);
  say(answer, sentence);
  document.title = `${verdict === 'ok' ? '' : `${verdict.toUpperCase()}: `}tapscope ${location.hostname}`;
  if (about !== subject) say(announced, sentence);
  subject = about;
}

/** The first line of the page, as that of `tapscope diagnose`. */
function answerOf({ verdict: word, findings: all, queues, unjudged }: LiveMessage): string {
  const worst = all[0];
  const more = all.length > 1 ? ` (and ${all.length - 1} more)` : '';
  if (worst && (word === 'critical' || word === 'warning')) return `${word.toUpperCase()}: ${worst.cause}${more}`;
  const seen = `${queues.length} ${queues.length === 1 ? 'queue' : 'queues'} watched`;
  if (word === 'ok') return `OK: ${seen}, nothing to do.`;
  const blind = unjudged.length > 0 ? `${unjudged.length} rules cannot judge on this host` : 'figures are not exact';
  return `UNKNOWN: ${seen} without finding a fault, but ${blind}.`;
}

function route(): void {
  const address = addressIn(location.hash);
  if (!address && !view && main.hasChildNodes()) return; // '#queues', within the list: the focus stays where that leads
  if (address && !view) opener = document.activeElement;
  view?.close();
  view = address && new QueueView(address);
  main.replaceChildren(...(view ? [view.root] : [findings.root, table.root]));
  if (newest) draw(newest);
  if (view) view.root.querySelector('h2')?.focus();
  else if (opener instanceof HTMLElement) opener.focus();
}

function addressIn(fragment: string): QueueAddress | undefined {
  const [, netns = '', device = '', queue = ''] = /^#\/queue\/(\d+)\/([^/]+)\/(\d+)$/.exec(fragment) ?? [];
  return device === '' ? undefined : { netns: Number(netns), device: decodeURIComponent(device), queue: Number(queue) };
}

document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== table.search && !view) {
    event.preventDefault();
    table.search.focus();
  }
  if (event.key === 'Escape' && view) location.hash = '#/';
});
addEventListener('hashchange', route);
route();
listen({
  message: draw,
  trouble: (sentence) => {
    if (sentence === undefined) return;
    tell('unknown', sentence, 'no agent');
  },
});
