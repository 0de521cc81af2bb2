// SPDX-License-Identifier: Apache-2.0
// Runs test files one after the other, as the process that started it names them (deploy/test.mjs), and answers what came of each.
import { resolve } from 'node:path';
import { run } from 'node:test';
import { record, results, timed } from './report.mjs';

/** Runs a file by a runner of its own: an event may name a file that the test file imports, in which the test is written. */
export async function runFile({ file, place, timeout }) {
  await timed(file, recordAll(file, run({ files: [resolve(place)], timeout }), place));
}

async function recordAll(file, events, place) {
  for await (const event of events) record(file, event, place);
}

if (process.send) {
  process.execArgv.push('--enable-source-maps');
  process.on('message', async (each) => {
    await runFile(each);
    process.send(results());
  });
  process.on('disconnect', () => process.exit());
}
