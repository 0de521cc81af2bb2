// SPDX-License-Identifier: Apache-2.0
// The log of an agent whose lines a test hears.
import { createLog } from '../../src/log/agent-log.ts';
import type { AgentLog, LogOptions } from '../../src/log/log.ts';

export function heardLog(
  { format = 'json', level = 'warn' }: Partial<LogOptions> = {},
  hear: (line: string) => void = () => undefined,
  nowMs?: () => number,
): AgentLog {
  const output = {
    write: (line: string) => {
      hear(line);
      return true;
    },
    whenRoom: () => undefined,
  };
  return createLog({ format, level }, { stdout: output, stderr: output }, nowMs);
}
