// SPDX-License-Identifier: Apache-2.0
// latency-guest.ts load | all CYCLES | go CYCLES: attaches what an agent attaches and prints lines of JSON: what loading took ($BPF_TIMES is the file
// of bpf-times.so); what single packets take without it and with it; what becomes of a steady stream while it comes and goes ('go': only this).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { type Attachment, attach } from '../cost/attach-configuration.ts';
import type { Attached } from '../cost/configurations.ts';
import { type Asked, startAsked } from '../cost/driver.ts';
import { bpfTimesOf, COMING, INTERVAL_US, LEVELS, PACKETS, STAYING, sumOf, WITHOUT } from './latency-results.ts';

const driver = join(import.meta.dirname, '../../dist/lab/latency-driver');

/** The time of the stream without an agent, and the same beside one that stays. */
const STREAM_MS = 10_000;
/** The time after each coming and going: packets pass with the probes attached, and without. */
const REST_MS = 50;

const AGENT: Attached & { readonly kind: 'product' } = { kind: 'product', level: 'exact', forced: {} };

/**
 * Loads in a process that has loaded nothing before, as an agent does when it starts. The figures are CPU time: a VM's clock
 * goes on while it waits for a file of this machine.
 */
async function load(): Promise<void> {
  const attachment = await attach(AGENT);
  const { user, system } = process.cpuUsage();
  const times = bpfTimesOf(readFileSync(env.BPF_TIMES ?? '', 'utf8'));
  const began = performance.now();
  await attachment.detach();
  const detachMs = performance.now() - began;
  console.log(JSON.stringify({ load: { ...sumOf(times), wholeMs: (user + system) / 1000, detachMs } }));
}

function attachedAt(level: (typeof LEVELS)[number]): Attached {
  return level === WITHOUT ? { kind: 'nothing' } : { ...AGENT, level };
}

async function clockPackets(ask: Asked['ask']): Promise<void> {
  for (const level of LEVELS) {
    const attachment = await attach(attachedAt(level));
    console.log(JSON.stringify({ packets: level, ...Object(await ask('packets', PACKETS)) }));
    // Before Linux 7.3 nothing lies on the way of these packets at level lean.
    if (level === 'exact') mustHaveCounted(attachment);
    await attachment.detach();
  }
}

function mustHaveCounted(attachment: Attachment): void {
  if (attachment.devices() === 0) throw new Error('The probes were attached and have counted no packet.');
}

async function stream(name: string, { ask }: Asked, meanwhile: () => Promise<void>): Promise<void> {
  await ask('stream', INTERVAL_US);
  await meanwhile();
  console.log(JSON.stringify({ stream: name, ...Object(await ask('stop', 0)) }));
}

async function comeAndGo(cycles: number): Promise<void> {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const attachment = await attach(AGENT);
    await wait(REST_MS);
    mustHaveCounted(attachment);
    await attachment.detach();
    await wait(REST_MS);
  }
}

async function main([what, cycles = '']: readonly string[]): Promise<void> {
  if (what === 'load') return load();
  const asked = startAsked(driver);
  if (what === 'all') {
    await clockPackets(asked.ask);
    await stream(WITHOUT, asked, () => wait(STREAM_MS));
    const attachment = await attach(AGENT);
    await stream(STAYING, asked, () => wait(STREAM_MS));
    await attachment.detach();
  }
  await stream(COMING, asked, () => comeAndGo(Number(cycles)));
  asked.stop();
}

if (env.MODULES) for (const module of env.MODULES.split(' ')) execFileSync('modprobe', [module]);
await main(process.argv.slice(2));
