// SPDX-License-Identifier: Apache-2.0
// Where the log goes. Clients cause lines of it and choose words in them: each line has a most length, and a second has a most number.
import { escapedJson } from '../snapshot/visible.ts';
import { createRateLimit, type Rate } from './request-limits.ts';

/** A day of nothing else is 17 MB. */
const LINES: Rate = { intervalMs: 1000, burst: 100 };
const LONGEST = { line: 2048, text: 300 };
/** After that the log says how many lines it lacks, also if no further line comes. */
const TELL_AFTER_MS = 10_000;
const WARNING = 40;

export interface LogStream {
  /** A line of pino: JSON, with its end. */
  readonly write: (line: string) => void;
}

export function createLogStream(
  out: (line: string) => void = (line) => process.stderr.write(line),
  nowMs: () => number = () => performance.now(),
): LogStream {
  const limit = createRateLimit(LINES, nowMs);
  let leftOut = 0;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    if (leftOut === 0) return;
    const msg = `${leftOut} lines were left out of this log: it takes ${LINES.burst} at once, and one a second.`;
    leftOut = 0;
    out(`${JSON.stringify({ level: WARNING, time: Date.now(), msg })}\n`);
  }

  return {
    write: (line) => {
      if (limit.take('') > 0) {
        leftOut += 1;
        timer ??= setTimeout(tell, TELL_AFTER_MS).unref();
        return;
      }
      tell();
      out(shortened(escapedJson(line)));
    },
  };
}

function shortened(line: string): string {
  if (line.length <= LONGEST.line) return line;
  const entry: Readonly<Record<string, unknown>> = JSON.parse(line, (_, value: unknown) =>
    typeof value === 'string' && value.length > LONGEST.text ? `${value.slice(0, LONGEST.text)}…` : value,
  );
  const short = escapedJson(JSON.stringify(entry));
  const { level, time, msg } = entry;
  return `${short.length <= LONGEST.line ? short : escapedJson(JSON.stringify({ level, time, msg }))}\n`;
}
