// SPDX-License-Identifier: Apache-2.0
// Pages of a real agent, kept: a line for each series with its values, one for each page, and the time of each page. What Node
// says of itself is left out.
import { readFileSync } from 'node:fs';

export const RECORDING = 'dashboards/recorded/linux-7.3.txt';

export interface Page {
  /** The time since the first page. */
  readonly seconds: number;
  readonly text: string;
}

const TIMES = '# seconds';
const ABSENT = '_';

export function recordingOf(pages: readonly Page[]): string {
  const series = new Map<string, string[]>();
  for (const [index, { text }] of pages.entries()) {
    for (const [, name = '', value = ''] of text.matchAll(/^(tapscope_\w+(?:\{.*\})?) (\S+)$/gm)) {
      const values = series.get(name) ?? new Array<string>(pages.length).fill(ABSENT);
      values[index] = value;
      series.set(name, values);
    }
  }
  const times = pages.map(({ seconds }) => seconds.toFixed(3));
  return `${[`${TIMES} ${times.join(' ')}`, ...[...series].map(([name, values]) => `${name} ${values.join(' ')}`)].join('\n')}\n`;
}

export function pagesOf(recording: string): readonly string[] {
  const series = linesOf(recording).map((line) => {
    const [, name = '', values = ''] = /^(\w+(?:\{.*\})?) (.*)$/.exec(line) ?? [];
    return { name, values: values.split(' ') };
  });
  return timesOf(recording).map((_, page) =>
    series
      .map(({ name, values }) => ({ name, value: values[page] ?? ABSENT }))
      .filter(({ value }) => value !== ABSENT)
      .map(({ name, value }) => `${name} ${value}\n`)
      .join(''),
  );
}

/** The time of each page, in seconds since the first. */
export function timesOf(recording: string): readonly number[] {
  const [head = ''] = recording.split('\n');
  if (!head.startsWith(TIMES)) throw new Error('A recording begins with the times of its pages.');
  return head
    .slice(TIMES.length + 1)
    .split(' ')
    .map(Number);
}

function linesOf(recording: string): readonly string[] {
  return recording.trimEnd().split('\n').slice(1);
}

export function readRecording(): string {
  return readFileSync(RECORDING, 'utf8');
}

/** Names of metrics with those of their labels, of a recording or of a page. */
export function shapeOf(text: string): readonly string[] {
  const series = text.matchAll(/^(tapscope_\w+)(?:\{(.*)\})? /gm);
  const shapes = [...series].map(([, name = '', labels = '']) => {
    const own = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label = '']) => label);
    return `${name}{${own.sort().join(',')}}`;
  });
  return [...new Set(shapes)].sort();
}
