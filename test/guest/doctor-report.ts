// SPDX-License-Identifier: Apache-2.0
// What `tapscope doctor --json` says to root where no agent runs: the same to all who ask before modules come or go.

import { tapscope } from '../agent/serve-process.ts';
import { dismissStanding } from '../agent/shared-agent.ts';
import { parseJson } from '../host/checked-json.ts';

interface DoctorReport {
  readonly code: number | null;
  readonly report: unknown;
}

let answer: Promise<DoctorReport> | undefined;

export function doctorReport(): Promise<DoctorReport> {
  answer ??= ask();
  return answer;
}

async function ask(): Promise<DoctorReport> {
  await dismissStanding(); // doctor would tell of it
  const { code, stdout } = await tapscope(['doctor', '--json']);
  return { code, report: parseJson(stdout) };
}
