// SPDX-License-Identifier: Apache-2.0
// One finding: a line that opens.
import type { ReportedFinding } from '../diagnosis/active-findings.ts';
import { visible } from '../snapshot/visible.ts';
import { lasting, localTime, sayTime, timeElement } from './clock.ts';
import { element, mark, say } from './element.ts';
import { writeBody } from './finding-body.ts';
import { changeIcon, icon } from './svg.ts';

export class FindingCard {
  readonly root: HTMLDetailsElement;
  readonly #icon = icon('info', 18);
  readonly #word = element('span', { class: 'word' });
  readonly #cause = element('span', { class: 'cause' });
  readonly #since = timeElement('quiet since');
  readonly #body = element('div', { class: 'body' });
  #finding: ReportedFinding | undefined;

  constructor(open: boolean) {
    const summary = element('summary', {}, this.#word, this.#cause, this.#since);
    summary.prepend(this.#icon);
    this.root = element('details', { open }, summary, this.#body);
    this.root.addEventListener('toggle', () => {
      if (this.root.open && this.#finding) writeBody(this.#body, this.#finding);
    });
  }

  /** `now`: Unix time of the newest judgement. */
  show(finding: ReportedFinding, isEnded: boolean, now: number): void {
    this.#finding = finding;
    const { severity, cause, since, seen } = finding;
    mark(this.root, `finding ${severity}${isEnded ? ' ended' : ''}`);
    changeIcon(this.#icon, isEnded ? 'ended' : severity);
    say(this.#word, isEnded ? `${severity}, ended` : severity);
    say(this.#cause, visible(cause));
    if (isEnded) sayTime(this.#since, seen, `${localTime(seen)}, ${lasting(now - seen)} ago`);
    else if (since !== undefined) sayTime(this.#since, since, `since ${localTime(since)}, ${lasting(now - since)}`);
    // A command may be marked for copying just now; and what is closed is not read.
    if (this.root.open && !holdsSelection(this.#body)) writeBody(this.#body, finding);
  }
}

function holdsSelection(body: HTMLElement): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && body.contains(selection.anchorNode);
}
