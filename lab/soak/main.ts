// SPDX-License-Identifier: Apache-2.0
// npm run soak -- --hours N [--write]: one agent through hours of changes, traffic, clients and faults; then its table, and 1 if something is wrong.
// `-- --report FILE [--write]` makes the table of a run's record, which grows as the run does.
import { release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/kernel/package.ts';
import { onOwnHost } from '../faults/own-host.ts';
import { writeSection } from '../report/report.ts';
import { soak } from './soak.ts';
import { readRecord, SoakRecord } from './soak-record.ts';
import { report } from './soak-table.ts';

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '0.25' },
    seed: { type: 'string' },
    report: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

function show(file: string): number {
  const { text, complaints } = report(readRecord(file));
  console.log(text);
  for (const complaint of complaints) console.error(complaint);
  if (values.write) writeSection('soak', text);
  return complaints.length > 0 ? 1 : 0;
}

async function play(): Promise<number> {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
  const at = new Date().toISOString();
  const record = new SoakRecord(join(packageRoot(), 'dist/soak', `${at.replaceAll(':', '')}.jsonl`));
  const hours = Number(values.hours);
  console.error(`record: ${record.file}, seed ${seed}`);
  record.add({ kind: 'begin', hours, seed, kernel: release(), at });
  const ending = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => ending.abort());
  await soak({ hours, seed, record, nevermind: ending.signal });
  return show(record.file);
}

process.exitCode = values.report ? show(values.report) : await onOwnHost(play);
