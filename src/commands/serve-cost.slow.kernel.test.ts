// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, quiet, strace.
// Cost of the agent: time to the first scrape, memory with 256 queues, system calls of a scrape.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { bareStart, slownessOf } from '../../test/host/slowness.ts';

const run = promisify(execFile);
/** The limit with half an hour of history. A minute has most of it already: what does not change is kept once. */
const MOST_MEGABYTES = 170;
/** Of one scrape. */
const MOST_CALLS = 50;
/** Of one scrape with 255 queues more. */
const MORE_CALLS = 40;
/** V8 manages its memory and threads with these, and libuv sends the answer; how many depends on the length of the text. */
const RUNTIME = 'futex,madvise,mprotect,mmap,munmap,getpid,epoll_pwait,write,writev';
/** Periodic work of the agent (50 calls and more) falls into one measurement and not the other; the scrapes share it. */
const SCRAPES = 20;

test('from start to the first scrape in at most 1 s, the median of 5', { skip: noLab }, async (t) => {
  const times: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < 5; i++) {
    bare.push(await bareStart());
    const agent = await startAgent(t, ['--detail=queue']);
    times.push(agent.startedInMs);
    await agent.stop();
  }
  times.sort((a, b) => a - b);
  // Other work on the machine slows an empty program as much.
  const slowness = slownessOf(bare);
  t.diagnostic(
    `start to first scrape: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms; the machine is ${slowness.toFixed(1)} times as slow as at rest`,
  );
  assert.ok((times[2] ?? Number.POSITIVE_INFINITY) <= 1000 * slowness);
});

test('at most 170 MB in both processes with 256 queues, and a scrape makes a handful of system calls however many there are', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t, ['--detail=queue']);
  const testReader = await lab.testReader();
  await testReader.open('0', 'tap0', 'tap');
  const few = await leastCallsOfScrape(agent, MOST_CALLS);
  for (let i = 1; i < 256; i++) await testReader.open(String(i), `tap${i}`, 'tap');
  const peers = await Promise.all([0, 1, 2, 3].map((i) => lab.raise(`tap${i}`)));
  for (const peer of peers) await testReader.udp(peer, 9, 10, 64);
  for (let i = 0; i < 20; i++) await agent.metrics();
  await wait(12_000); // the snapshots that rules look at are all there
  const megabytes = agent.residentMemory() / 2 ** 20;
  t.diagnostic(`resident memory with 256 queues: ${megabytes.toFixed(1)} MB`);
  assert.ok(megabytes <= MOST_MEGABYTES);

  const many = await leastCallsOfScrape(agent, few + MORE_CALLS);
  t.diagnostic(`system calls of a scrape: ${few} with 1 queue, ${many} with 256`);
  assert.ok(few <= MOST_CALLS && many - few <= MORE_CALLS, 'a handful, and 255 queues more are no 255 calls more');
});

/** Periodic work of the agent, every ten seconds, falls into some measurements and not into others: asks until there are so few. */
async function leastCallsOfScrape(agent: Agent, enough: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 5 && least > enough; tries++) least = Math.min(least, await callsOfScrape(agent));
  return least;
}

/** All threads, the mean of many scrapes, less what the agent does in the same time without any. */
async function callsOfScrape(agent: Agent): Promise<number> {
  await agent.metrics();
  const idle = await callsDuring(agent, async () => undefined);
  const busy = await callsDuring(agent, async () => {
    for (let i = 0; i < SCRAPES; i++) await agent.metrics();
  });
  // Scrapes take their time, on a busy machine and under strace the more, and the agent does its other work meanwhile.
  const besides = (idle.calls / idle.seconds) * busy.seconds;
  return Math.round((busy.calls - besides) / SCRAPES);
}

interface Traced {
  readonly calls: number;
  readonly seconds: number;
}

async function callsDuring(agent: Agent, action: () => Promise<void>): Promise<Traced> {
  const began = performance.now();
  const words = agent.processes().flatMap((pid) => ['-p', String(pid)]);
  const strace = spawn('strace', ['-f', '-c', '-e', `trace=!${RUNTIME}`, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let summary = '';
  strace.stderr.on('data', (data) => {
    summary += data;
  });
  const ended = new Promise((resolve) => strace.once('close', resolve));
  await wait(500); // strace has attached to every thread by then
  await action();
  await wait(2000);
  await run('kill', ['-INT', String(strace.pid)]);
  await ended;
  const calls = Number(/\s(\d+)\s+(?:\d+\s+)?total\s*$/.exec(summary)?.[1] ?? Number.NaN);
  return { calls, seconds: (performance.now() - began) / 1000 };
}
