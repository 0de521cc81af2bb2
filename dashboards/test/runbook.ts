// SPDX-License-Identifier: Apache-2.0
// The pages for the person on call, and the alerts that lead there.
import { readdirSync, readFileSync } from 'node:fs';
import { RULE_FILES } from './rule-files.ts';

const FOLDER = 'docs/runbooks';

export interface Runbook {
  readonly name: string;
  readonly text: string;
  /** Blocks to type, in order: everything fenced as sh. */
  readonly blocks: readonly string[];
}

export function runbooks(): readonly Runbook[] {
  return readdirSync(FOLDER).map((file) => {
    const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
    return { name: file.replace(/\.md$/, ''), text, blocks };
  });
}

/** An alert may have a rule for each severity. */
export function alertNames(): readonly string[] {
  const rules = RULE_FILES.map((file) => readFileSync(file, 'utf8')).join('\n');
  return [...new Set([...rules.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name))];
}
