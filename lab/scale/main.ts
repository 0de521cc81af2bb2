// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/scale/main.ts [--write] [QUEUES …]: what the agent takes of a host with many real taps; --write: into BENCHMARKS.md.
// 256, 1 024 and 4 096 queues unless told otherwise, in nine minutes. The agent must be the only one in its network namespace.
import { argv } from 'node:process';
import { writeSection } from '../tables/benchmarks.ts';
import { measure, type Scaled } from './measure.ts';
import { report } from './scale-table.ts';

const USUAL = [256, 1024, 4096];

const asked = argv.slice(2).flatMap((word) => (/^\d+$/.test(word) ? [Number(word)] : []));
const measured: Scaled[] = [];
for (const queues of asked.length > 0 ? asked : USUAL) measured.push(await measure(queues));
const text = report(measured);
console.log(text);
if (argv.includes('--write')) writeSection('scale', text);
