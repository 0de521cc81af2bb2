// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Sentences are short, and name their subject first: they are read at night, by readers whose first language is another.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EVENTS } from './collectors/list.ts';
import { serveFlags } from './commands/options/serve-options.ts';
import { RULES } from './diagnosis/all-rules.ts';
import { agentMetrics } from './metrics/agent.ts';
import { cpuMetrics } from './metrics/cpu.ts';
import { deviceMetrics, queueMetrics, scrapeMetrics } from './metrics.ts';

/** The limit for texts for users and for comments. 20 is better where people skim; between the two are mostly lists. */
const MOST_WORDS = 25;
/** The limit for contributors: recipes and decisions list what belongs together. */
const MOST_IN_LISTS = 35;
const OF_CONTRIBUTORS = /^(?:CONTRIBUTING\.md|CHANGELOG\.md|docs\/decisions\/)/;
/** Opens a sentence whose subject comes late. 'Of 65 faults 63 …' is a count. */
const LATE_SUBJECT = /^(?:Of (?!\d)|What (?:is|was|are|were)\b)/;

interface Text {
  readonly where: string;
  readonly text: string;
}

/** A colon or semicolon ends a statement as a full stop does; what is quoted as code is one word. */
function sentencesOf(text: string): readonly string[] {
  const plain = text.replace(/`[^`]*`/g, 'code').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return plain
    .replace(/\s+/g, ' ')
    .trim()
    .split(/(?<=[.!?:;][*)]*)\s+/);
}

function found(texts: readonly Text[], isWrong: (sentence: string) => boolean): readonly string[] {
  return texts.flatMap(({ where, text }) =>
    sentencesOf(text)
      .filter(isWrong)
      .map((sentence) => `${where}: ${sentence}`),
  );
}

function tooLong(texts: readonly Text[], most = MOST_WORDS): readonly string[] {
  return found(texts, (sentence) => sentence.split(' ').length > most);
}

function filesOf(folder: string, pattern: RegExp): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
}

/** Paragraphs and items, without code, tables, headings and comments. */
function paragraphs(path: string): readonly Text[] {
  const prose = readFileSync(path, 'utf8')
    .replace(/```[\s\S]*?```/g, '\n\n')
    .replace(/<!--[\s\S]*?-->/g, '\n\n');
  return prose
    .split(/\n\s*\n|\n(?=\s*[*#>|-])|\n(?=\d+\. )/)
    .filter((block) => !/^\s*[|#]/.test(block))
    .map((text) => ({ where: path, text: text.replace(/^\s*[*>-]\s+/, '') }));
}

/** Blocks of lines that begin with `//`, and what stands between the marks of the other kind. */
function comments(path: string): readonly Text[] {
  const text = readFileSync(path, 'utf8');
  const lines = [...text.matchAll(/(?:^[ \t]*\/\/(?! SPDX).*\n)+/gm)].map(([block]) =>
    block.replace(/^[ \t]*\/\//gm, ''),
  );
  const blocks = [...text.matchAll(/(?<=^[ \t]*|[;,{)] +|[;,{)]\t+)\/\*([\s\S]*?)\*\//gm)].map(([, block = '']) =>
    block.replace(/^\s*\*/gm, ''),
  );
  return [...lines, ...blocks].map((one) => ({ where: path, text: one }));
}

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...filesOf('docs', /\.md$/)];
const [forContributors, forUsers] = [true, false].map((is) =>
  pages.filter((page) => OF_CONTRIBUTORS.test(page) === is).flatMap(paragraphs),
);
const code = ['addon', 'bpf', 'dashboards', 'deploy', 'lab', 'src', 'test', 'traffic'].flatMap((folder) =>
  filesOf(folder, /\.(ts|mjs|c|h|cc|hh)$/),
);

/** Literals behind `opening`, on one line or the next; a value that is put into one is a word. */
function literals(path: string, opening: RegExp): readonly Text[] {
  const literal = new RegExp(`${opening.source}\\s*(?:'((?:[^'\\\\\\n]|\\\\.)+)'|"([^"\\n]+)"|\`([^\`]+)\`)`, 'g');
  return [...readFileSync(path, 'utf8').matchAll(literal)].map(([, ...texts]) => ({
    where: path,
    text: (texts.find((text) => text !== undefined) ?? '').replace(/\$\{[^}]*\}/g, 'value'),
  }));
}

function helpTexts(): readonly Text[] {
  return [
    ...[...queueMetrics, ...deviceMetrics, ...scrapeMetrics].map(({ name, help }) => ({ where: name, text: help })),
    ...[...agentMetrics, ...cpuMetrics].map(({ name, help }) => ({ where: name, text: help })),
    ...serveFlags.map(({ flags, description }) => ({ where: flags, text: description })),
    ...literals('src/main.ts', /(?<!from )/),
    ...EVENTS.map(({ name, measures }) => ({ where: name, text: measures })),
    ...RULES.map(({ name, summary, explanation }) => ({ where: name, text: `${summary}. ${explanation}` })),
  ];
}

function alerts(): readonly Text[] {
  const rules = readFileSync('dashboards/rules/alerts.yml', 'utf8');
  return [...rules.matchAll(/(?:summary|description): ('?)(.+)\1\n/g)].map(([, , text = '']) => ({
    where: 'dashboards/rules/alerts.yml',
    text: text.replace(/\{\{[^}]*\}\}/g, 'value'),
  }));
}

const errors = code.flatMap((path) => literals(path, /new \w*Error\(/));
const titles = code.filter((path) => /\.(test|guest)\.ts$/.test(path)).flatMap((path) => literals(path, /\btest\(/));

test(`no sentence for users has more than ${MOST_WORDS} words: pages, HELP, help, alerts, errors, titles of tests`, () => {
  const groups = [forUsers ?? [], helpTexts(), alerts(), errors, titles];
  for (const group of groups) assert.ok(group.length > 20);
  assert.deepEqual(tooLong(groups.flat()), []);
});

test(`no sentence for contributors has more than ${MOST_IN_LISTS} words`, () => {
  assert.deepEqual(tooLong(forContributors ?? [], MOST_IN_LISTS), []);
});

test(`no sentence of a comment has more than ${MOST_WORDS} words`, () => {
  assert.ok(code.length > 500);
  assert.deepEqual(tooLong(code.flatMap(comments)), []);
});

test('no sentence for users opens with "Of" or "What is": its subject would come late', () => {
  const texts = [...(forUsers ?? []), ...helpTexts(), ...alerts(), ...errors];
  assert.deepEqual(
    found(texts, (sentence) => LATE_SUBJECT.test(sentence)),
    [],
  );
});
