// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/recorded/main.ts: makes lab/recorded anew, a recording of Linux 6.1 and what tapscope said of it there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { runInVm } from '../vm/boot.ts';
import { guestProgram } from '../vm/guest-program.ts';
import { provideKernel } from '../vm/kernels.ts';

const kernel = await provideKernel('6.1', (line) => console.error(line));
const { command } = await guestProgram('record', ['lab/recorded/record-faults.ts']);
const { status, output } = await runInVm(kernel, command([]));
const recording = /^recording (\S+)\s*$/m.exec(output)?.[1];
if (status !== 0 || recording === undefined) throw new Error(`Nothing was recorded:\n${output}`);
mkdirSync('lab/recorded', { recursive: true });
writeFileSync('test/recorded/linux-6.1.rec', Buffer.from(recording, 'base64'));
const findings = [...output.matchAll(/^finding (.*?)\s*$/gm)].map(([, text]) => `${text}\n`);
writeFileSync('test/recorded/linux-6.1.txt', findings.join(''));
