// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Each `tapscope …` line of the pages can be typed: the command exists, knows each flag, and takes so many arguments.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tapscope } from '../agent/serve-process.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

interface Typed {
  readonly where: string;
  /** What follows `tapscope`. */
  readonly words: readonly string[];
}

interface Known {
  /** Whether each flag takes a value. */
  readonly flags: ReadonlyMap<string, boolean>;
  readonly most: number;
}

/** A command ends where the shell's next one, a comment, a redirection or the purpose in a help text begins. Placeholders and optional parts stay words. */
function wordsOf(line: string): readonly string[] {
  const command = line.replace(/\$\{\w+:\+([^}]*)\}/g, '$1').split(/ [|&;>#<]|\s#|[`)]| {2}/)[0] ?? '';
  const words = command.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replace(/^\[|\]$/g, '').replace(/\\.*$/, '')).filter((word) => word !== '…');
}

/** Fenced lines that begin with the command, and code within a sentence that does. */
function typedIn(page: string): readonly Typed[] {
  const text = readFileSync(page, 'utf8');
  const fenced = [...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...text.replace(/^```.*\n[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...fenced, ...inline].flatMap((line) => {
    const started = /^\s*npm start -- (.*)$/.exec(line)?.[1];
    const [, rest] =
      /^\s*(?:[#$] )?(?:npx )?tapscope ((?:[a-z]|--).*)$/.exec(
        `${started ? 'tapscope serve ' : ''}${started ?? line}`,
      ) ?? [];
    return rest === undefined ? [] : [{ where: `${page}: ${line.trim()}`, words: wordsOf(rest) }];
  });
}

async function knownBy(command: string): Promise<Known | undefined> {
  const { stdout } = await tapscope([command, '--help']);
  const [, named, usage = ''] = /^Usage: tapscope (\S+) ?(.*)$/m.exec(stdout) ?? [];
  if (named !== command) return undefined;
  const flags = [...stdout.matchAll(/^ {2}(-[^ ,]+)(?:, (--[^ ]+))?( [<[])?/gm)].flatMap(([, one = '', two, value]) =>
    [one, two].flatMap((flag) => (flag === undefined ? [] : [[flag, value !== undefined] as const])),
  );
  return { flags: new Map(flags), most: usage.replace('[options]', '').match(/[<[]/g)?.length ?? 0 };
}

/** undefined: it can be typed. */
function objection(words: readonly string[], { flags, most }: Known): string | undefined {
  let places = 0;
  for (let index = 0; index < words.length; index += 1) {
    const [flag = '', value] = (words[index] ?? '').split(/=(.*)/s);
    if (!flag.startsWith('-')) {
      places += 1;
      continue;
    }
    const takesValue = flags.get(flag);
    if (takesValue === undefined) return `has no flag ${flag}`;
    if (!takesValue && value !== undefined) return `${flag} takes no value`;
    if (takesValue && value === undefined) index += 1;
  }
  return places > most ? `takes ${most} arguments` : undefined;
}

test('each command of the pages exists and knows its flags', async () => {
  const typed = pages.flatMap(typedIn).filter(({ words }) => words[0]?.startsWith('-') === false);
  assert.ok(typed.length > 60, `${typed.length}`);
  const names = [...new Set(typed.map(({ words }) => words[0] ?? ''))];
  const known = new Map(await Promise.all(names.map(async (name) => [name, await knownBy(name)] as const)));
  const wrong = typed.flatMap(({ where, words: [name = '', ...rest] }) => {
    const command = known.get(name);
    const problem = command === undefined ? 'is no command' : objection(rest, command);
    return problem === undefined ? [] : [`${where}: ${name} ${problem}`];
  });
  assert.deepEqual(wrong, []);
});

test('a line with a wrong flag, value or argument is found', async () => {
  const check = (await knownBy('check')) ?? assert.fail();
  assert.equal(objection(wordsOf('vnet0 --json | jq .'), check), undefined);
  assert.equal(objection(wordsOf("--mechanism 'a=b' vnet0"), check), undefined);
  assert.equal(objection(wordsOf('vnet0 --jsn'), check), 'has no flag --jsn');
  assert.equal(objection(wordsOf('--json=yes'), check), '--json takes no value');
  assert.equal(objection(wordsOf('vnet0 vnet1'), check), 'takes 1 arguments');
  assert.equal(await knownBy('chek'), undefined);
});
