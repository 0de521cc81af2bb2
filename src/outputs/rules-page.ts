// SPDX-License-Identifier: Apache-2.0
// The rules as a page to link to: what `tapscope explain` says of each. Rules write their own words so that Markdown reads them well.
import type { Rule } from '../diagnosis/rule.ts';
import { thingOf } from '../diagnosis/unwatched.ts';

export function rulesPage(rules: readonly Rule[]): string {
  const list = rules.map(({ name, summary }) => `| [\`${name}\`](#${name}) | ${summary.replaceAll('|', '\\|')} |\n`);
  const head =
    'What the agent and `tapscope diagnose` look for. Each heading is a value of the label `rule` of `tapscope_finding`, and `tapscope explain` says the same on the host.\n';
  return `# Rules\n\n${head}\n| rule | finds that |\n|---|---|\n${list.join('')}${rules.map(section).join('')}`;
}

function section({ name, summary, explanation, needs }: Rule): string {
  const needed =
    needs.length > 0
      ? `\n\nRequires that these are watched: ${needs.map(thingOf).join(', ')} (\`tapscope doctor\`).`
      : '';
  return `\n## ${name}\n\n**Finds that ${summary}.**\n\n${explanation}${needed}\n`;
}
