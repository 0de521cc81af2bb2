// SPDX-License-Identifier: Apache-2.0
// Runs inside a VM on the instruction clock, as queues-guest.ts QUEUES: the agent as built beside that many idle queues. Prints a line of JSON.
import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../../test/agent/serve-process.ts';
import { coreShare, cpuMs } from '../../test/host/cpu-time.ts';
import { makeTaps } from '../../test/host/real-taps.ts';
import { program } from '../../test/host/scope.ts';
import { scrape } from './scrape.ts';

/** All ten-second windows are over, and V8 has compiled what runs each second. */
const SETTLE_MS = 45_000;
/** Four times as long as what comes each ten seconds. */
const IDLE_SECONDS = 40;
/** Scrapes in which V8 still compiles. */
const FIRST_SCRAPES = 10;
const SCRAPES = 50;
/** On the instruction clock a nanosecond is an instruction. */
const INSTRUCTIONS_OF_MS = 1e6;

await program(async ([count], t) => {
  execFileSync('modprobe', ['tun']);
  // One namespace: each further one has a program of its own, whose start is what takes long here.
  const { queues } = await makeTaps(t, Number(count), 1);
  // A budget would have the agent do less, which is not what is compared.
  const agent = await startAgent(t, ['--budget=off']);
  const pids = agent.processes();
  await wait(SETTLE_MS);
  const idle = 1000 * (await coreShare(pids, IDLE_SECONDS));
  for (let count = 0; count < FIRST_SCRAPES; count += 1) await scrape(agent.url);
  const [before, began] = [cpuMs(pids), performance.now()];
  for (let count = 0; count < SCRAPES; count += 1) await scrape(agent.url);
  const anyway = (idle / 1000) * (performance.now() - began);
  const scraped = (cpuMs(pids) - before - anyway) / SCRAPES;
  console.log(JSON.stringify({ queues, idleSecond: idle * INSTRUCTIONS_OF_MS, scrape: scraped * INSTRUCTIONS_OF_MS }));
});
