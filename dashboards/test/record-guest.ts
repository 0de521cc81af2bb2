// SPDX-License-Identifier: Apache-2.0
// Runs in the VM for record.ts: pages of the agent on a host that stops queues, as a recording on stdout.
import { execFileSync } from 'node:child_process';
import { program } from '../../test/host/scope.ts';
import { loadVhost } from '../../test/host/zerocopy-parameter.ts';
import { type Page, recordingOf } from './recording.ts';
import { stoppingHost } from './stopping-host.ts';

const PAGES = 14;
/** So many pages are there before a device loses its flag: a dashboard needs some before and after. */
const PAGES_BEFORE = 9;
const APART_MS = 2000;

await program(async (_, t) => {
  execFileSync('modprobe', ['tun']);
  await loadVhost(true);
  const host = await stoppingHost(t);
  const pages: Page[] = [];
  const start = performance.now();
  while (pages.length < PAGES) {
    if (pages.length === PAGES_BEFORE) await host.rob();
    const due = start + APART_MS * pages.length;
    while (performance.now() < due) await host.round();
    const seconds = (performance.now() - start) / 1000;
    pages.push({ seconds, text: (await host.agent.metrics()).text });
  }
  process.stdout.write(recordingOf(pages));
});
