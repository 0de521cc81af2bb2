// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/recorded/main.ts [faults] [dashboards]: makes test/recorded anew, a recording of Linux 6.1 and what tapscope said of it there, and
// the recording of the dashboards, what a real agent says on Linux 7.3, for machines whose kernel cannot stop queues.
import { writeFileSync } from 'node:fs';
import { RECORDING } from '../../dashboards/test/recording.ts';
import { program } from '../../test/host/scope.ts';
import { runGuest } from '../vm/guest-program.ts';

const say = (line: string): void => console.error(line);

async function recordFaults(): Promise<void> {
  const { output } = await runGuest('6.1', 'lab/recorded/record-faults.ts', [], { say });
  const recording = /^recording (\S+)\s*$/m.exec(output)?.[1];
  if (recording === undefined) throw new Error(`Nothing was recorded:\n${output}`);
  writeFileSync('test/recorded/linux-6.1.rec', Buffer.from(recording, 'base64'));
  const findings = [...output.matchAll(/^finding (.*?)\s*$/gm)].map(([, text]) => `${text}\n`);
  writeFileSync('test/recorded/linux-6.1.txt', findings.join(''));
}

async function recordDashboards(): Promise<void> {
  const { output } = await runGuest('7.3', 'dashboards/test/record-guest.ts', [], { say });
  // Messages of Node come on the same console.
  const lines = output.split('\n').filter((line) => /^(# seconds|tapscope_)/.test(line));
  writeFileSync(RECORDING, `${lines.join('\n')}\n`);
}

await program(async (words) => {
  if (words.length === 0 || words.includes('faults')) await recordFaults();
  if (words.length === 0 || words.includes('dashboards')) await recordDashboards();
});
