// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/recorded/record-dashboards.ts: records anew what a real agent says in a VM of Linux 7.3, for machines whose kernel cannot stop queues.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RECORDING } from '../../dashboards/test/recording.ts';
import { runInVm } from '../vm/boot.ts';
import { guestProgram } from '../vm/guest-program.ts';
import { provideKernel } from '../vm/kernels.ts';

const kernel = await provideKernel('7.3', (line) => console.error(line));
const { command } = await guestProgram('dashboards', ['dashboards/test/record-guest.ts']);
const { status, output } = await runInVm(kernel, command([]));
if (status !== 0) throw new Error(`Nothing was recorded:\n${output}`);
mkdirSync(dirname(RECORDING), { recursive: true });
// Messages of Node come on the same console.
const lines = output.split('\n').filter((line) => /^(# seconds|tapscope_)/.test(line));
writeFileSync(RECORDING, `${lines.join('\n')}\n`);
