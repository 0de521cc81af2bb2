// SPDX-License-Identifier: Apache-2.0
// The live page at /: is this host well, what is wrong, all queues; or one queue, by the address's fragment; live, or at a moment (?at=).

import { keyOf } from '../diagnosis/active-findings.ts';
import { namesOf } from '../diagnosis/device-words.ts';
import type { LiveMessage } from '../outputs/live-message.ts';
import { visible } from '../snapshot/visible.ts';
import { exactTime, lasting, localTime, sayTime, timeElement } from './clock.ts';
import { element, mark, say } from './element.ts';
import { FindingList } from './finding-list.ts';
import { sentenceOf, Totals } from './host-status.ts';
import { listen } from './live-updates.ts';
import { fetchMoment, linkTo, momentOf } from './moment.ts';
import { recallTrends } from './past-trends.ts';
import { matchesFinding } from './queue-search.ts';
import { keyOfQueue } from './queue-state.ts';
import { QueueTable } from './queue-table.ts';
import { type QueueAddress, QueueView } from './queue-view.ts';
import { changeIcon, icon } from './svg.ts';
import { Trend } from './trends.ts';

const main = part('main');
const answer = part('answer');
const announced = part('announced');
const late = part('late');
const search = searchField();
const shape = icon('unknown', 34);
const time = timeElement('taken');
part('status').prepend(shape);
part('stream').append(time);
const moment = momentOf(location.search);
const totals = new Totals();
const findings = new FindingList();
const table = new QueueTable();
const trends = new Map<string, Trend>();
let view: QueueView | undefined;
/** The focused element of the list when a queue was chosen there. */
let opener: Element | null = null;
let newest: LiveMessage | undefined;
/** The address that was led to last, as JSON. */
let routed: string | undefined;
/** The subject of the last announced answer: its figures change every second, and a screen reader should not read them all. */
let subject: string | undefined;

function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no part ${id}.`);
  return found;
}

function searchField(): HTMLInputElement {
  const found = part('search');
  if (!(found instanceof HTMLInputElement)) throw new Error('The page has no search field.');
  return found;
}

function hear(message: LiveMessage): void {
  const isFirst = newest === undefined;
  say(late, '');
  remember(message);
  totals.show(message.queues, message.takenAt);
  draw(message);
  if (isFirst) void recallTrends(moment, trends, totals).then(() => draw(newest ?? message));
}

function remember({ queues, takenAt }: LiveMessage): void {
  const keys = new Set(queues.map(keyOfQueue));
  for (const key of trends.keys()) if (!keys.has(key)) trends.delete(key);
  for (const rate of queues) {
    const trend = trends.get(keyOfQueue(rate)) ?? new Trend();
    trend.add({ at: takenAt, all: rate.offered ?? 0, lost: rate.dropped ?? 0 });
    trends.set(keyOfQueue(rate), trend);
  }
}

function draw(message: LiveMessage): void {
  const isFirst = newest === undefined;
  newest = message;
  if (isFirst && JSON.stringify(addressIn(location.hash)) !== routed) {
    route(); // by a name that only now is known
    return;
  }
  const { host, takenAt, queues, verdict } = message;
  const worst = message.findings[0];
  tell(verdict, `${verdict.toUpperCase()}: ${sentenceOf(message)}`, `${verdict} ${worst ? keyOf(worst) : ''}`);
  say(part('host'), visible(host.name ?? location.hostname));
  say(part('versions'), `Linux ${host.kernel}, tapscope ${host.version}`);
  sayTime(time, takenAt, moment === undefined ? `Live, ${localTime(takenAt)}` : `${localTime(takenAt)}`);
  if (view) {
    view.show(message);
    return;
  }
  const wanted = search.value.trim().toLowerCase();
  const found = message.findings.filter((one) => matchesFinding(one, wanted));
  const isWell = verdict === 'ok' && queues.length > 0 && wanted === '';
  findings.show(
    found,
    isWell ? 'Every rule could judge, by exact figures, and found nothing that needs action.' : '',
    takenAt,
  );
  table.show(queues, trends, wanted);
}

/** Announced to those who hear the page where it is about something else than before. */
function tell(verdict: string, sentence: string, about: string): void {
  mark(answer, verdict);
  mark(part('status'), `status ${verdict}`);
  changeIcon(shape, verdict);
  say(answer, sentence);
  document.title = `${verdict === 'ok' ? '' : `${verdict.toUpperCase()}: `}tapscope ${newest?.host.name ?? location.hostname}`;
  if (about !== subject) say(announced, sentence);
  subject = about;
}

function route(): void {
  const address = addressIn(location.hash);
  routed = JSON.stringify(address);
  if (!address && !view && main.hasChildNodes()) return; // '#queues', within the list: the focus stays where that leads
  if (address && !view) opener = document.activeElement;
  view?.close();
  view = address && new QueueView(address, moment);
  for (const id of ['searching', 'skip']) part(id).hidden = view !== undefined;
  main.replaceChildren(...(view ? [view.root] : [totals.root, findings.root, table.root]));
  if (newest) draw(newest);
  scrollTo(0, 0);
  if (view) view.root.querySelector('h2')?.focus();
  else if (opener instanceof HTMLElement) opener.focus();
}

/** A namespace by its number or name, a device by its name or its owner's; `newest` tells them apart. */
function addressIn(fragment: string): QueueAddress | undefined {
  const words = /^#\/queue\/([^/]+)\/([^/]+)\/(\d+)$/.exec(fragment)?.slice(1).map(decoded) ?? [];
  const [place = '', name = ''] = words;
  if (place === '' || name === '') return undefined;
  const queue = Number(words[2]);
  const there = newest?.queues.filter(
    (one) => one.queue === queue && [String(one.netns), one.namespace].includes(place),
  );
  const named = there?.find(({ device }) => device === name);
  const rate = named ?? there?.find(({ owner }) => owner && namesOf(owner).includes(name));
  if (rate) return { netns: rate.netns, device: rate.device, queue };
  return /^\d+$/.test(place) ? { netns: Number(place), device: name, queue } : undefined;
}

/** '': it is no escaped text. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** The banner that says that this is not now, and leads back. */
function showPast(at: number): void {
  const note = part('past');
  const text = `You look at ${localTime(at)}, ${lasting(Date.now() / 1000 - at)} ago (${exactTime(at)}). `;
  const live = element('a', { href: linkTo(undefined, '') }, 'Back to live');
  live.addEventListener('click', () => {
    live.href = linkTo(undefined, location.hash);
  });
  const steps = [-60, -10, 10, 60].map((seconds) => {
    const step = element(
      'a',
      { href: linkTo(at + seconds, location.hash) },
      `${seconds > 0 ? '+' : '−'}${Math.abs(seconds)} s`,
    );
    step.addEventListener('click', () => {
      step.href = linkTo(at + seconds, location.hash);
    });
    return step;
  });
  note.replaceChildren(text, live, ...steps);
  note.hidden = false;
}

document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search && !view) {
    event.preventDefault();
    search.focus();
  }
  if (event.key === 'Escape' && view) location.hash = '#/';
});
search.addEventListener('input', () => {
  if (newest) draw(newest);
});
addEventListener('hashchange', route);
route();
const trouble = (sentence: string | undefined): void => {
  if (sentence !== undefined) tell('unknown', sentence, 'no agent');
};
if (moment === undefined) listen({ message: hear, late: (sentence) => say(late, sentence), trouble });
else {
  showPast(moment);
  fetchMoment(moment).then(hear, (error: Error) => trouble(error.message));
}
