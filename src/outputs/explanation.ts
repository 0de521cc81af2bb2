// SPDX-License-Identifier: Apache-2.0
// A rule in words.
import type { Rule } from '../diagnosis/rule.ts';
import { thingOf } from '../diagnosis/unwatched.ts';
import { tapscope } from '../own-command.ts';
import { type Layout, paint, wrap } from './terminal-text.ts';

export function renderExplanation({ name, summary, explanation, needs }: Rule, layout: Layout): string {
  const paragraphs = explanation.split(/\n\s*\n/).flatMap((one) => ['', ...wrap(one, layout.width)]);
  const needed =
    needs.length > 0
      ? [
          '',
          ...wrap(
            `Requires that these are watched: ${needs.map(thingOf).join(', ')} ('${tapscope('doctor')}').`,
            layout.width,
          ),
        ]
      : [];
  const [title = '', ...more] = wrap(`${name}: ${summary}`, layout.width);
  return `${[paint(layout, 'bold', title), ...more, ...paragraphs, ...needed].join('\n')}\n`;
}

export function renderRuleList(rules: readonly Rule[], { width }: Layout): string {
  const column = Math.max(...rules.map(({ name }) => name.length), 0) + 2;
  const rows = rules.flatMap(({ name, summary }) =>
    width < 2 * column ? [name, ...wrap(summary, width, '  ')] : wrap(summary, width, name.padEnd(column)),
  );
  return `${rows.join('\n')}\n`;
}
