// SPDX-License-Identifier: Apache-2.0
// The body of an open finding: evidence, what to type, and what it is not.
import type { Finding, Remedy } from '../diagnosis/finding.ts';
import { priceOf, titleOf } from '../outputs/remedy-text.ts';
import { visible } from '../snapshot/visible.ts';
import { copyButton } from './copy-button.ts';
import { element, say } from './element.ts';
import { placeOf } from './finding-groups.ts';
import { queueHref } from './queue-state.ts';

/** One line; `part`: in which box. */
interface Line {
  readonly part: 'todo' | 'seen';
  readonly tag: 'h3' | 'p' | 'pre' | 'a';
  readonly className: string;
  readonly text: string;
}

/** Where the lines are of the same kinds as before, which is nearly always, only their texts change. */
export function writeBody(body: HTMLElement, finding: Finding): void {
  const lines = linesOf(finding);
  const kinds = lines.map(({ tag, className }) => `${tag}.${className}`).join();
  if (body.dataset.kinds !== kinds) {
    body.dataset.kinds = kinds;
    const todo = element('div', { class: 'todo' });
    const seen = element('div', { class: 'seen' });
    for (const line of lines) (line.part === 'todo' ? todo : seen).append(lineElement(line, finding));
    body.replaceChildren(todo, seen);
  }
  const shown = body.querySelectorAll<HTMLElement>('[data-line]');
  lines.forEach(({ text }, index) => {
    const node = shown[index];
    if (node) say(node, text);
  });
}

function lineElement({ tag, className }: Line, { netns = 0, device = '', queue = 0 }: Finding): HTMLElement {
  const href = tag === 'a' ? queueHref(netns, device, queue) : undefined;
  const line = element(tag, { class: className, href, tabindex: tag === 'pre' ? 0 : undefined, 'data-line': true });
  if (tag !== 'pre') return line;
  return element(
    'div',
    { class: 'command' },
    line,
    copyButton('Copy', () => line.textContent ?? ''),
  );
}

function linesOf(finding: Finding): readonly Line[] {
  const { rule, confidence, evidence, remedies, rejected, degraded, doubts = [], netns, device, queue } = finding;
  const hasPage = device !== undefined && netns !== undefined && queue !== undefined;
  const link: Line = { part: 'todo', tag: 'a', className: 'go', text: `Charts of ${visible(placeOf(finding))}` };
  return [
    ...remedies.flatMap(remedyOf),
    ...(hasPage ? [link] : []),
    ...listOf('Seen', evidence),
    ...listOf(
      'Not',
      rejected.map((one) => `${one.rule}: ${one.because}`),
    ),
    ...listOf('In doubt', doubts),
    ...listOf('Figures are not exact', degraded),
    {
      part: 'seen',
      tag: 'p',
      className: 'quiet',
      text: `Rule ${rule}, confidence ${confidence}. tapscope explain ${rule}`,
    },
  ];
}

function listOf(title: string, items: readonly string[]): readonly Line[] {
  if (items.length === 0) return [];
  const lines = items.map((item): Line => ({ part: 'seen', tag: 'p', className: 'item', text: visible(item) }));
  return [{ part: 'seen', tag: 'h3', className: '', text: title }, ...lines];
}

/** In the order of `tapscope diagnose`: the command, then what it does. */
function remedyOf(remedy: Remedy, index: number): readonly Line[] {
  const { command, effect } = remedy;
  return [
    { part: 'todo', tag: 'h3', className: '', text: titleOf(remedy, index) },
    ...(command === undefined ? [] : [{ part: 'todo', tag: 'pre', className: '', text: visible(command) } as const]),
    { part: 'todo', tag: 'p', className: 'effect', text: `${visible(effect)} [${priceOf(remedy)}]` },
  ];
}
