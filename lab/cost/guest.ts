// SPDX-License-Identifier: Apache-2.0
// Runs inside the VM, as guest.ts ROUNDS paths|scales NAME…: attaches each configuration in its turn, has the driver clock
// the paths, and prints a line of JSON; with scales then those that are clocked on many devices and queues.
import { execFileSync } from 'node:child_process';
import { type Attachment, attach } from './attach-configuration.ts';
import { CannotAttach } from './cannot-attach.ts';
import { ASKED, BASELINE, CONFIGURATIONS, type Configuration, isScaled } from './configurations.ts';
import { type Driver, startDriver } from './driver.ts';
import { ASKED_PATHS, PATHS, type Prices, SCALED_PATHS } from './packet-paths.ts';

/** What sees a packet costs more than this. */
const NOTHING = 20;

async function measure(configuration: Configuration, clock: Driver['clock']): Promise<Prices | string> {
  let attachment: Attachment;
  try {
    attachment = await attach(configuration.attached);
  } catch (error) {
    if (error instanceof CannotAttach) return error.message;
    throw error;
  }
  try {
    const prices = await clock(PATHS, [BASELINE, ASKED].includes(configuration.name) ? [] : ASKED_PATHS);
    if (attachment.devices() === 0) throw new Error(`'${configuration.name}' has counted no packet.`);
    return prices;
  } finally {
    await attachment.detach();
  }
}

async function measureScaled({ name, attached }: Configuration, clock: Driver['clock']): Promise<Prices> {
  const attachment = await attach(attached);
  try {
    const prices = await clock(SCALED_PATHS);
    const devices = attachment.devices() ?? Number.POSITIVE_INFINITY;
    if (devices < 1001) throw new Error(`'${name}' has counted packets of only ${devices} devices.`);
    return prices;
  } finally {
    await attachment.detach();
  }
}

/** Why the figures are not those of the configuration. */
function blind(configuration: Configuration, prices: Prices, nothing: Prices | undefined): string | undefined {
  const path = configuration.sees.find((one) => (prices[one] ?? 0) < (nothing?.[one] ?? 0) + NOTHING);
  return path && `it is attached but does not see the packets of '${path}'`;
}

async function main([rounds = '', what = '', ...names]: readonly string[]): Promise<void> {
  for (const module of [
    ['tun'],
    ['vhost_net'],
    ['pktgen'],
    ['dummy', 'numdummies=0'],
    ['ifb', 'numifbs=0'],
    ['bridge'],
  ]) {
    execFileSync('modprobe', module);
  }
  const { clock, stop } = await startDriver(Number(rounds));
  const chosen = CONFIGURATIONS.filter(({ name }) => names.includes(name));
  let nothing: Prices | undefined;
  for (const configuration of chosen) {
    const prices = await measure(configuration, clock);
    if (configuration.name === BASELINE && typeof prices !== 'string') nothing = prices;
    const notRun = typeof prices === 'string' ? prices : blind(configuration, prices, nothing);
    console.log(JSON.stringify({ configuration: configuration.name, ...(notRun ? { notRun } : { prices }) }));
  }
  // Measured last, because its thousand devices stay.
  for (const configuration of what === 'scales' ? chosen.filter(isScaled) : []) {
    const prices = await measureScaled(configuration, clock);
    console.log(JSON.stringify({ configuration: configuration.name, prices }));
  }
  stop();
}

await main(process.argv.slice(2));
