// SPDX-License-Identifier: Apache-2.0
// The log of each of the agent's processes. It takes a most number of lines a second, and nobody who reads them slowly, or not at all, stops this
// process.
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { CountedOutput, LineLimit } from './line-limit.ts';
import type { AgentLog, LogOptions, LogOutput } from './log.ts';
import { type LogLevel, logLine } from './log-format.ts';

interface Outputs {
  readonly stdout: LogOutput;
  readonly stderr: LogOutput;
}

interface AgentLogOptions extends LogOptions {
  /** The process of the agent that writes it. */
  readonly process?: string;
}

export function createLog(
  { format, level, process: name }: AgentLogOptions,
  outputs: Outputs,
  nowMs: () => number = () => performance.now(),
): AgentLog {
  const tell = (sentence: string): void => own.warn(sentence);
  const stderr = new CountedOutput(outputs.stderr, tell);
  const stdout = new CountedOutput(outputs.stdout, tell);
  const limit = new LineLimit(tell, nowMs);
  const put = (entry: string, isLast = false): void => stderr.write(logLine(entry, format, isLast));
  // Where the log speaks of itself, and last words: at every level.
  const own = logger('debug', name, { write: (entry) => put(entry) });
  const last = logger('debug', name, { write: (entry) => put(entry, true) });
  const limited = logger(level, name, { write: (entry) => limit.admit(() => put(entry)) });
  return {
    options: { format, level },
    logger: limited,
    say: (at, msg) => limited[at](msg),
    sayLast: (msg) => {
      limit.tell();
      last.error(msg);
    },
    announce: (lines) => {
      if (format !== 'text') for (const line of lines) limited.info(line);
      else for (const line of lines) stdout.write(`${line}\n`);
    },
    tell: () => limit.tell(),
    dropped: () => [stderr, stdout, limit].reduce((sum, { total }) => sum + total, 0),
  };
}

function logger(level: LogLevel, name: string | undefined, stream: DestinationStream): Logger {
  return pino(
    {
      level,
      base: name === undefined ? null : { process: name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label.toUpperCase() }),
        // They cannot stand in for what each entry has.
        log: ({ time, level: _, process: __, msg, ...fields }) => fields,
      },
    },
    stream,
  );
}
