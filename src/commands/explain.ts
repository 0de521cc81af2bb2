// SPDX-License-Identifier: Apache-2.0
// `tapscope explain RULE`: how a rule knows, what else looks like it, what to do; without a rule, the list.

import { RULES } from '../diagnosis/all-rules.ts';
import { closestName, didYouMean } from '../diagnosis/closest-name.ts';
import { renderExplanation, renderRuleList } from '../outputs/explanation.ts';
import { tapscope } from '../own-command.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { layoutOf } from './terminal/terminal.ts';

export function explain(name: string | undefined, json: boolean): void {
  const rule = RULES.find((one) => one.name === name);
  if (name !== undefined && !rule) {
    const names = RULES.map((one) => one.name);
    throw new Error(
      `Unknown rule ${name}${didYouMean(closestName(name, names))}; '${tapscope('explain')}' lists all rules.`,
    );
  }
  const layout = layoutOf(process.stdout);
  const shown = (rule ? [rule] : RULES).map(({ judge: _, ...told }) => told);
  const text = rule ? renderExplanation(rule, layout) : renderRuleList(RULES, layout);
  process.stdout.write(json ? `${escapedJson(JSON.stringify({ schema: 1, rules: shown }, null, 2))}\n` : text);
}
