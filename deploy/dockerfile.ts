// SPDX-License-Identifier: Apache-2.0
// A Dockerfile as its stages, and what its instructions do, done in bare roots: for machines without an engine.
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { startInside } from './bare-root.ts';

interface Instruction {
  readonly word: string;
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

export function readStages(path: string): readonly Stage[] {
  const text = readFileSync(path, 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ');
  const instructions = text.split('\n').flatMap((line) => {
    const [, word = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line.trim()) ?? [];
    if (word === '' && line.trim() !== '') throw new Error(`Not an instruction: ${line}`);
    return word === '' ? [] : [{ word, text: rest }];
  });
  const starts = instructions.flatMap(({ word }, index) => (word === 'FROM' ? [index] : []));
  return starts.map((start, index) => {
    const [image = '', , name = ''] = instructions[start]?.text.split(/ +/) ?? [];
    return { image, name, instructions: instructions.slice(start + 1, starts[index + 1]) };
  });
}

/** Words of ENTRYPOINT and CMD. */
export function commandOf(stage: Stage): readonly string[] {
  return ['ENTRYPOINT', 'CMD'].flatMap((wanted) =>
    stage.instructions.filter(({ word }) => word === wanted).flatMap(({ text }): string[] => JSON.parse(text)),
  );
}

/** Carries a stage out in `root`; `others`: roots of earlier stages by name, `context`: the folder that is built. */
export async function carryOut(
  stage: Stage,
  root: string,
  context: string,
  others: Readonly<Record<string, string>>,
): Promise<void> {
  let folder = '/';
  for (const { word, text } of stage.instructions) {
    if (word === 'WORKDIR') {
      folder = text;
      mkdirSync(join(root, folder), { recursive: true });
    } else if (word === 'COPY') copy(text, root, folder, context, others);
    else if (word === 'RUN') await runIn(root, folder, text);
    else if (!['USER', 'ENTRYPOINT', 'CMD'].includes(word)) throw new Error(`No test carries out ${word} ${text}`);
  }
}

function copy(
  text: string,
  root: string,
  folder: string,
  context: string,
  others: Readonly<Record<string, string>>,
): void {
  const words = text.split(/ +/);
  const from = /^--from=(.*)$/.exec(words[0] ?? '')?.[1];
  const base = from === undefined ? context : others[from];
  if (base === undefined) throw new Error(`COPY ${text}: no stage is called ${from}`);
  const paths = from === undefined ? words : words.slice(1);
  const sources = paths.slice(0, -1);
  const last = paths.at(-1) ?? '';
  const target = join(root, last.startsWith('/') ? '' : folder, last);
  for (const source of sources.map((path) => join(base, path))) {
    // A folder's content goes into the target, a file under its own name where the target is a folder.
    const isInto = !statSync(source).isDirectory() && /(^|\/)\.?\/?$/.test(last);
    const to = isInto ? join(target, basename(source)) : target;
    if (!existsSync(dirname(to))) mkdirSync(dirname(to), { recursive: true });
    cpSync(source, to, { recursive: true, preserveTimestamps: true });
  }
}

async function runIn(root: string, folder: string, line: string): Promise<void> {
  const child = startInside(root, folder, 0, ['sh', '-c', line]);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => {
      said += data;
    });
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`RUN ${line} failed with ${status}:\n${said.slice(-4000)}`);
}
