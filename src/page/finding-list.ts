// SPDX-License-Identifier: Apache-2.0
// The findings: each a line that opens, with what is to be pasted and what it is not.

import { keyOf, type Told } from '../diagnosis/active-findings.ts';
import type { Finding, Remedy } from '../diagnosis/finding.ts';
import { priceOf, titleOf } from '../outputs/remedy-words.ts';
import { visible } from '../snapshot/visible.ts';
import { element, mark, place, say } from './element.ts';

interface Shown {
  readonly root: HTMLDetailsElement;
  readonly word: HTMLElement;
  readonly cause: HTMLElement;
  readonly since: HTMLElement;
  readonly body: HTMLElement;
  finding: Finding | undefined;
}

export class FindingList {
  readonly root = element('section', { 'aria-label': 'Findings' });
  readonly #shown = new Map<string, Shown>();
  readonly #none = element('p', { class: 'quiet' });

  /** `quiet`: what to say where there is none. */
  show(findings: readonly Told[], quiet: string): void {
    const keys = findings.map(keyOf);
    for (const key of this.#shown.keys()) if (!keys.includes(key)) this.#shown.delete(key);
    const roots = findings.map((finding, index) => this.#showOne(keys[index] ?? '', finding).root);
    say(this.#none, quiet);
    place(this.root, roots.length > 0 ? roots : [this.#none]);
  }

  #showOne(key: string, told: Told): Shown {
    const { since, seen, ...finding } = told;
    const shown = this.#shown.get(key) ?? blank(finding.severity === 'critical');
    this.#shown.set(key, shown);
    mark(shown.root, `finding ${finding.severity}`);
    mark(shown.word, `word ${finding.severity}`);
    say(shown.word, finding.severity);
    say(shown.cause, visible(finding.cause));
    const gone = seen < since + 1 || Date.now() / 1000 - seen < 5 ? '' : `, last seen ${clock(seen)}`;
    say(shown.since, ` since ${clock(since)}${gone}`);
    // A command may be marked for copying just now; and what is closed is not read.
    if (shown.root.open && !holdsSelection(shown.body)) write(shown.body, finding);
    shown.finding = finding;
    return shown;
  }
}

function blank(open: boolean): Shown {
  const word = element('span', {});
  const cause = element('span', {});
  const since = element('span', { class: 'quiet' });
  const summary = element('summary', {}, word, cause, since);
  const body = element('div', { class: 'body' });
  const root = element('details', { open }, summary, body);
  const shown: Shown = { root, word, cause, since, body, finding: undefined };
  root.addEventListener('toggle', () => {
    if (root.open && shown.finding) write(body, shown.finding);
  });
  return shown;
}

function holdsSelection(body: HTMLElement): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && body.contains(selection.anchorNode);
}

/** What stands in an open finding, line by line. */
interface Line {
  readonly tag: 'h3' | 'p' | 'pre' | 'a';
  readonly className: string;
  readonly text: string;
}

/** Where the lines are of the same kinds as before, which is nearly always, only their texts change. */
function write(body: HTMLElement, finding: Finding): void {
  const lines = linesOf(finding);
  const kinds = lines.map(({ tag, className }) => `${tag}.${className}`).join();
  if (body.dataset.kinds !== kinds) {
    body.dataset.kinds = kinds;
    body.replaceChildren(...lines.map((line) => lineElement(line, finding)));
  }
  lines.forEach(({ text }, index) => {
    const shown = body.children[index];
    if (shown instanceof HTMLElement) say(shown, text);
  });
}

function lineElement({ tag, className }: Line, { netns = 0, device = '', queue = 0 }: Finding): HTMLElement {
  const href = tag === 'a' ? queueHref(netns, device, queue) : undefined;
  return element(tag, { class: className, href, tabindex: tag === 'pre' ? 0 : undefined });
}

function linesOf(finding: Finding): readonly Line[] {
  const { rule, confidence, evidence, remedies, rejected, degraded, netns, device, queue } = finding;
  const hasPage = device !== undefined && netns !== undefined && queue !== undefined;
  return [
    { tag: 'p', className: 'quiet', text: `${rule}, confidence ${confidence}` },
    ...(hasPage ? [{ tag: 'a', className: '', text: `${visible(device)} queue ${queue}` } as const] : []),
    ...listOf('Seen', evidence),
    ...remedies.flatMap(remedyOf),
    ...listOf(
      'It is not',
      rejected.map((one) => `${one.rule}: ${one.because}`),
    ),
    ...listOf('Figures are not exact', degraded),
  ];
}

function listOf(title: string, items: readonly string[]): readonly Line[] {
  if (items.length === 0) return [];
  const lines = items.map((item): Line => ({ tag: 'p', className: 'item', text: visible(item) }));
  return [{ tag: 'h3', className: '', text: title }, ...lines];
}

function remedyOf(remedy: Remedy, index: number): readonly Line[] {
  const { command, effect } = remedy;
  const words: readonly Line[] = [
    { tag: 'h3', className: '', text: titleOf(remedy, index) },
    { tag: 'p', className: 'item', text: `${visible(effect)} [${priceOf(remedy)}]` },
  ];
  return command === undefined ? words : [...words, { tag: 'pre', className: '', text: visible(command) }];
}

export function queueHref(netns: number, device: string, queue: number): string {
  return `#/queue/${netns}/${encodeURIComponent(device)}/${queue}`;
}

function clock(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toLocaleTimeString([], { hour12: false });
}
