// SPDX-License-Identifier: Apache-2.0
// Where each process says what people or their log collectors are to know. Commands say it in sentences on stderr; the agent has a log of its own
// (agent-log.ts).
import type { Logger } from 'pino';
import { visibleLines } from '../snapshot/visible.ts';
import type { LogFormat, LogLevel } from './log-format.ts';

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
}

/** Takes lines without waiting for whoever reads them. */
export interface LogOutput {
  /** False: as many lines as may wait do wait. */
  readonly write: (line: string) => boolean;
  /** Calls once all of them are written. */
  readonly whenRoom: (call: () => void) => void;
}

type Level = Exclude<LogLevel, 'silent'>;

export interface Log {
  readonly options: LogOptions;
  readonly say: (level: Level, msg: string) => void;
  /** For a process that ends: written at every level, and in spite of the limit of lines. */
  readonly sayLast: (msg: string) => void;
  /** Lines for people who started this, on stdout if the format is `text`. */
  readonly announce: (lines: readonly string[]) => void;
  /** Says how many lines were left out, if any were. */
  readonly tell: () => void;
  /** Lines that this log lacks, since the start. */
  readonly dropped: () => number;
}

export interface AgentLog extends Log {
  /** For Fastify. */
  readonly logger: Logger;
}

function sentence(text: string): void {
  process.stderr.write(`tapscope: ${visibleLines(text)}\n`);
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** Of a command. */
let current: Log = {
  options: { format: 'text', level: 'info' },
  say: (_, msg) => sentence(msg),
  sayLast: sentence,
  announce: print,
  tell: () => undefined,
  dropped: () => 0,
};

/** Sets the log of this process, from now on. */
export function useLog(log: Log): void {
  current = log;
  process.once('exit', log.tell);
  if (log.options.format === 'text') return;
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

/** Prints the lines that are known once all has begun. */
export function announce(lines: readonly string[]): void {
  current.announce(lines);
}
