// SPDX-License-Identifier: Apache-2.0
// One line of the log, in each format. Others choose words in it (clients, names of devices): it has a most length, and drives no terminal.
import { escapedJson, visible, visibleLines } from '../snapshot/visible.ts';

/** `text` is for people: sentences. The others are those of Prometheus' own programs. */
export type LogFormat = 'text' | 'logfmt' | 'json';
export const logFormats: readonly LogFormat[] = ['text', 'logfmt', 'json'];

/** How much is logged; requests at debug. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';
export const logLevels: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];

/** An entry as pino writes it, and fields of the one who wrote it. */
interface Entry {
  /** ISO 8601. */
  readonly time: string;
  /** In capitals. */
  readonly level: string;
  /** The process of the agent that wrote the entry. */
  readonly process?: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** Characters. */
const LONGEST = { line: 2048, lastLine: 8192, text: 300 };
/** logfmt and text name what is in objects as `err.type`. */
const DEEPEST = 3;

/**
 * The line of an entry in JSON, with its line end. `isLast`: the last words of a process may be longer, and in `text` take several lines.
 */
export function logLine(json: string, format: LogFormat, isLast = false): string {
  const most = isLast ? LONGEST.lastLine : LONGEST.line;
  const words = isLast ? visibleLines : visible;
  const entry: Entry = JSON.parse(json);
  const whole = render(entry, format, words);
  if (whole.length <= most) return `${whole}\n`;
  const { time, level, process, msg = '', ...fields } = entry;
  const head = { time, level, ...(process !== undefined && { process }), msg: cut(msg, most / 8) };
  const short = render({ ...head, ...shortened(fields) }, format, words);
  // A character may become six: \u001b.
  return `${short.length <= most ? short : render(head, format, words)}\n`;
}

function render(entry: Entry, format: LogFormat, words: (text: string) => string): string {
  const { time, level, process, msg = '', ...fields } = entry;
  const head = { time, level, process, msg };
  if (format === 'json') return escapedJson(JSON.stringify({ ...head, ...fields }));
  if (format === 'logfmt') return [...pairs(head), ...pairs(fields)].join(' ');
  return ['tapscope:', words(msg), ...pairs(fields)].join(' ');
}

function pairs(fields: Readonly<Record<string, unknown>>, above = '', depth = 1): readonly string[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const name = above + key.replace(/[^\w.-]/g, '_');
    if (isRecord(value) && depth < DEEPEST) return pairs(value, `${name}.`, depth + 1);
    return [`${name}=${quoted(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))}`];
  });
}

/** The value as Go's logfmt reads it: quoted with the escapes of JSON, unless it is a plain word. */
function quoted(value: string): string {
  return /^[\w.:/@+-]+$/.test(value) ? value : escapedJson(JSON.stringify(value));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shortened(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(fields), (_, value: unknown) =>
    typeof value === 'string' ? cut(value, LONGEST.text) : value,
  );
}

function cut(value: string, most: number): string {
  return value.length > most ? `${value.slice(0, most)}…` : value;
}
