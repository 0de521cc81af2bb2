// SPDX-License-Identifier: Apache-2.0
// The findings, folded by rule: a single one is its card, several are one line with a count that opens to cards.
import { keyOf, type ReportedFinding } from '../diagnosis/active-findings.ts';
import { visible } from '../snapshot/visible.ts';
import { element, mark, place, say } from './element.ts';
import { FindingCard } from './finding-card.ts';
import { type FindingGroup, groupsOf, placeOf, titleOfRule } from './finding-groups.ts';
import { figure } from './page-figures.ts';
import { changeIcon, icon } from './svg.ts';

/** Cards shown of an open group; the search finds the others. */
const MOST_CARDS = 50;
/** Devices named in the line of a folded group. */
const MOST_NAMES = 4;

interface Fold {
  readonly root: HTMLDetailsElement;
  readonly drawn: SVGElement;
  readonly count: HTMLElement;
  readonly title: HTMLElement;
  readonly names: HTMLElement;
  readonly cards: HTMLElement;
  group: FindingGroup | undefined;
}

export class FindingList {
  readonly root = element('section', { 'aria-label': 'Findings', class: 'findings' });
  readonly #cards = new Map<string, FindingCard>();
  readonly #folds = new Map<string, Fold>();
  readonly #title = element('h2', { class: 'unseen' }, 'Findings');
  readonly #none = element('p', { class: 'quiet none' });
  #now = 0;
  #isFirst = true;

  /** `quiet`: what to say where there is none; `now`: Unix time of the judgement. */
  show(findings: readonly ReportedFinding[], quiet: string, now: number): void {
    this.#now = now;
    const keys = new Set(findings.map(keyOf));
    for (const key of this.#cards.keys()) if (!keys.has(key)) this.#cards.delete(key);
    const groups = groupsOf(findings, now);
    for (const key of this.#folds.keys()) if (!groups.some((group) => group.key === key)) this.#folds.delete(key);
    const roots = groups.map((group) =>
      group.findings.length === 1 ? this.#card(group, group.findings[0]) : this.#fold(group),
    );
    say(this.#none, quiet);
    place(this.root, roots.length > 0 ? [this.#title, ...roots] : quiet === '' ? [] : [this.#none]);
  }

  #card(group: FindingGroup, finding: ReportedFinding): HTMLElement {
    const key = keyOf(finding);
    // The worst of a page that was just opened is what its reader came for.
    const isOpen = this.#isFirst && group.severity === 'critical' && !group.isEnded;
    const card = this.#cards.get(key) ?? new FindingCard(isOpen);
    this.#cards.set(key, card);
    this.#isFirst = false;
    card.show(finding, group.isEnded, this.#now);
    return card.root;
  }

  #fold(group: FindingGroup): HTMLElement {
    const { key, rule, severity, isEnded, findings } = group;
    const fold = this.#folds.get(key) ?? this.#blankFold();
    this.#folds.set(key, fold);
    fold.group = group;
    mark(fold.root, `finding fold ${severity}${isEnded ? ' ended' : ''}`);
    changeIcon(fold.drawn, isEnded ? 'ended' : severity);
    say(fold.count, `${severity}${isEnded ? ', ended' : ''} × ${figure(findings.length)}`);
    say(fold.title, titleOfRule(rule));
    const names = findings.slice(0, MOST_NAMES).map((one) => visible(placeOf(one)));
    const others = findings.length - names.length;
    say(fold.names, `${names.join(', ')}${others > 0 ? ` and ${others} more` : ''}`);
    if (fold.root.open) this.#fill(fold);
    return fold.root;
  }

  #fill({ cards, group }: Fold): void {
    if (!group) return;
    const shown = group.findings.slice(0, MOST_CARDS).map((finding) => this.#card(group, finding));
    const others = group.findings.length - shown.length;
    const rest = element('p', { class: 'quiet none' }, `${others} more: search for a device to see its own.`);
    place(cards, others > 0 ? [...shown, rest] : shown);
  }

  #blankFold(): Fold {
    const drawn = icon('info', 18);
    const [count, title, names] = ['word', 'title', 'quiet names'].map((one) => element('span', { class: one }));
    const cards = element('div', { class: 'cards' });
    if (!count || !title || !names) throw new Error('A line has three parts.');
    const summary = element('summary', {}, count, element('span', { class: 'cause' }, title, ' ', names));
    summary.prepend(drawn);
    const fold: Fold = {
      root: element('details', {}, summary, cards),
      drawn,
      count,
      title,
      names,
      cards,
      group: undefined,
    };
    fold.root.addEventListener('toggle', () => {
      if (fold.root.open) this.#fill(fold);
    });
    return fold;
  }
}
