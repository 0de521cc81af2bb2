// SPDX-License-Identifier: Apache-2.0
// Where each process of the agent says what people or their log collectors are to know: stderr. A second has a most number of lines.
import { type LogEntry, type LogFormat, type LogLevel, logLevels, logLine } from './log-format.ts';

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
}

/** A day of nothing else is 17 MB. */
const LINES = { burst: 100, everyMs: 1000 };
/** After that the log says how many lines it lacks, also if no further line comes. */
const TELL_AFTER_MS = 10_000;
/** Fastify's logger writes numbers. */
const NUMBERED = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'error' } as const;

type Level = LogEntry['level'];
type Fields = LogEntry['fields'];

export interface Log {
  readonly options: LogOptions;
  readonly say: (level: Level, msg: string, fields?: Fields) => void;
  /** For a process that ends: written at every level, and in spite of the limit of lines. */
  readonly sayLast: (msg: string) => void;
  /** How many lines were left out, if any were. */
  readonly tell: () => void;
}

export function createLog(
  options: LogOptions & { readonly process?: string },
  out: (line: string) => void = (line) => process.stderr.write(line),
  nowMs: () => number = () => performance.now(),
): Log {
  const { format, level: least, process: name } = options;
  let tokens = LINES.burst;
  let filledMs = nowMs();
  let leftOut = 0;
  let timer: NodeJS.Timeout | undefined;

  const put = (level: Level, msg: string, fields?: Fields, isLast = false): void =>
    out(
      logLine(
        { time: Date.now(), level, msg, ...(name && { process: name }), ...(fields && { fields }) },
        format,
        isLast,
      ),
    );

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    if (leftOut === 0) return;
    const count = leftOut;
    leftOut = 0;
    put('warn', `${count} lines were left out of this log: it takes ${LINES.burst} at once, and one a second.`);
  }

  function hasRoom(): boolean {
    const now = nowMs();
    tokens = Math.min(LINES.burst, tokens + (now - filledMs) / LINES.everyMs);
    filledMs = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }

  return {
    options: { format, level: least },
    tell,
    say: (level, msg, fields) => {
      if (logLevels.indexOf(level) > logLevels.indexOf(least)) return;
      if (!hasRoom()) {
        leftOut += 1;
        timer ??= setTimeout(tell, TELL_AFTER_MS).unref();
        return;
      }
      tell();
      put(level, msg, fields);
    },
    sayLast: (msg) => {
      tell();
      put('error', msg, undefined, true);
    },
  };
}

/** The stream for Fastify's logger: lines of JSON. */
export function pinoStream(log: Log): { readonly write: (line: string) => void } {
  return {
    write: (line) => {
      const { level, time, msg, ...fields }: Readonly<Record<string, unknown>> = JSON.parse(line);
      const known = Object.entries(NUMBERED).find(([number]) => Number(number) === level)?.[1];
      log.say(known ?? 'error', String(msg ?? ''), fields);
    },
  };
}

let current = createLog({ format: 'text', level: 'info' });

/** Sets the log of this process, from now on. */
export function useLog(options: LogOptions & { readonly process: string }): void {
  current = createLog(options);
  process.once('exit', current.tell);
  if (options.format === 'text') return;
  // Node would write sentences of its own between the lines.
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => current.say('warn', `${name}: ${message}`));
}

/** The log of this process. */
export function ownLog(): Log {
  return current;
}

export function warn(message: string): void {
  current.say('warn', message);
}

/** For messages that a terminal shows already. */
export function inform(message: string): void {
  if (current.options.format !== 'text') current.say('info', message);
}

/** Prints the lines that are known once all has begun: on stdout for people, if the format is `text`. */
export function announce(lines: readonly string[]): void {
  if (current.options.format === 'text') process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  else for (const line of lines) current.say('info', line);
}
