// SPDX-License-Identifier: Apache-2.0
// The kernel matrix: one boot of one kernel runs ordinary test files there, told as subtests of one test here.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';
import { EVENT_START } from './guest/event.ts';
import { type Kernel, kernelOrWhy } from './kernels.ts';
import { Retelling } from './retell.ts';
import { noVm, runInVm } from './vm.ts';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * All that runs on another kernel. Neighbours share an agent where they can (lab/standing.ts): those that need one of their own
 * come first (of these `doctor`: others load drivers that it would tell of) and last. Files with tests of both kinds lie so that what ends
 * one goes on in the next.
 */
export const GUEST_FILES: readonly { readonly file: string; readonly on: keyof typeof DAILY }[] = [
  { file: 'lab/guest/doctor.guest.ts', on: 'all' },
  { file: 'lab/guest/rights.guest.ts', on: 'oldest' },
  { file: 'lab/guest/modules.guest.ts', on: 'oldest' },
  { file: 'lab/guest/allocation.guest.ts', on: 'newest' },
  { file: 'lab/guest/bench.guest.ts', on: 'newest' },
  { file: 'lab/guest/drops.guest.ts', on: 'oldest' },
  { file: 'lab/guest/fallbacks.guest.ts', on: 'oldest' },
  { file: 'lab/guest/forced.guest.ts', on: 'nightly' },
  { file: 'lab/guest/budget.guest.ts', on: 'nightly' },
  { file: 'lab/guest/late.guest.ts', on: 'oldest' },
  { file: 'dashboards/recorded.guest.ts', on: 'newest' },
  { file: 'lab/guest/verdicts.guest.ts', on: 'nightly' },
  { file: 'lab/guest/remedy.guest.ts', on: 'nightly' },
  { file: 'lab/guest/traffic.guest.ts', on: 'all' },
  { file: 'lab/guest/departures.guest.ts', on: 'ends' },
  { file: 'lab/guest/zerocopy.guest.ts', on: 'newest' },
  { file: 'lab/guest/vhost-guest.guest.ts', on: 'ends' },
  { file: 'lab/guest/random-guests.guest.ts', on: 'nightly' },
  { file: 'lab/guest/lifetimes.guest.ts', on: 'all' },
  { file: 'lab/guest/vhost.guest.ts', on: 'ends' },
  { file: 'lab/guest/backpressure.guest.ts', on: 'all' },
  { file: 'lab/guest/receive.guest.ts', on: 'all' },
  { file: 'lab/guest/redirect.guest.ts', on: 'newest' },
  { file: 'lab/guest/readers.guest.ts', on: 'newest' },
  { file: 'src/inventory/readers.kernel.test.ts', on: 'newest' },
  { file: 'src/inventory/before-tun.kernel.test.ts', on: 'all' },
  { file: 'src/inventory/receive.kernel.test.ts', on: 'ends' },
  { file: 'src/inventory/uncounted.kernel.test.ts', on: 'all' },
  { file: 'src/inventory/random.slow.kernel.test.ts', on: 'ends' },
  { file: 'src/inventory/ring-history.kernel.test.ts', on: 'newest' },
  { file: 'src/inventory/exact.kernel.test.ts', on: 'ends' },
  { file: 'src/inventory/redirect.kernel.test.ts', on: 'newest' },
  { file: 'src/inventory/lean.kernel.test.ts', on: 'ends' },
  { file: 'lab/guest/levels.guest.ts', on: 'ends' },
  { file: 'lab/guest/queue-changes.guest.ts', on: 'all' },
  { file: 'lab/guest/wakeups.guest.ts', on: 'oldest' },
  { file: 'src/inventory/wakeups.kernel.test.ts', on: 'ends' },
  { file: 'src/kernel/own-device.kernel.test.ts', on: 'newest' },
  { file: 'src/inventory/macvtap.kernel.test.ts', on: 'newest' },
  { file: 'src/inventory/owners.kernel.test.ts', on: 'oldest' },
];

const RUN = 'lab/guest/run.ts';
const REPORTER = 'lab/guest/reporter.cjs';
const OLDEST = '6.1';
const NEWEST = '7.3';
const SERIES: readonly string[] = [OLDEST, '6.12', '7.2', NEWEST];

/**
 * Where `npm test` runs a file: the more it depends on the kernel, the more of them. On all, which mechanisms there are, and the
 * counts at full speed; on the oldest and the newest, what the kernel changed most; on one of the two, the rest. `npm run
 * test:nightly` runs everything everywhere, and what depends on who gets a CPU when, of which a machine that runs two VMs has its own opinion.
 */
const DAILY: Readonly<Record<'all' | 'ends' | 'oldest' | 'newest' | 'nightly', readonly string[]>> = {
  all: SERIES,
  ends: [OLDEST, NEWEST],
  oldest: [OLDEST],
  newest: [NEWEST],
  nightly: [],
};

/** What repeats or lengthens a run there as it does here; random sequences run in full on this machine's own kernel. */
const PASSED_ON: Readonly<Record<string, string | undefined>> = {
  SEED: process.env.SEED,
  NIGHTLY: process.env.NIGHTLY,
  SEQUENCES: process.env.SEQUENCES ?? (process.env.SEED ? '1' : process.env.NIGHTLY ? '50' : '2'),
};
/**
 * Below what deploy/test.mjs gives a file, so that a VM that hangs can say what it was doing; and twice what a VM takes
 * beside another on a busy machine, which was 1 300 s.
 */
const LIMIT_MS = process.env.NIGHTLY ? 10_000_000 : 2_700_000;

/** GUEST=traffic,late in the environment runs only the files with one of these in their path. */
export function testOnKernel(series: string): void {
  test(`Linux ${series}`, { skip: noVm }, async (t) => {
    const kernel = await kernelOrWhy(series, (line) => console.log(line));
    if (typeof kernel === 'string') {
      t.skip(`nothing was tested on kernel ${series}: ${kernel}`);
      return;
    }
    execFileSync('make', ['--silent', '--no-print-directory', '-C', here]);
    const told = new Retelling((line) => console.log(line));
    const failure = boot(kernel, told).then(
      () => undefined,
      (error: unknown) => withoutEvents(error instanceof Error ? error.message : String(error)),
    );
    await told.tell(t);
    const reason = await failure;
    if (reason !== undefined) throw new Error(reason);
    assert.ok(told.ended, `the tests on kernel ${series} did not reach their end: see above`);
  });
}

async function boot(kernel: Kernel, told: Retelling): Promise<void> {
  const environment = Object.fromEntries(
    Object.entries(PASSED_ON).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  try {
    const files = guestFiles(kernel.series);
    const { place, command } = await bundle(`linux-${kernel.series}`, [RUN, REPORTER, ...files]);
    const reporter = ['--test-reporter', resolve(place(REPORTER)), '--test-reporter-destination', 'stdout'];
    const options = { timeoutMs: LIMIT_MS, environment, onOutput: (text: string) => told.hear(text) };
    const { status } = await runInVm(kernel, command(files.map(place), reporter), options);
    if (status !== 0 && told.failures === 0) throw new Error(`The tests in the VM ended with status ${status}.`);
  } finally {
    told.close();
  }
}

/** What was told already, and would be told again as the VM's last words. */
function withoutEvents(text: string): string {
  const lines = text.split('\n');
  return lines.filter((line) => !line.startsWith(EVENT_START)).join('\n');
}

function guestFiles(series: string): readonly string[] {
  const everything = process.env.NIGHTLY || process.env.GUEST;
  const files = GUEST_FILES.filter(({ on }) => everything || DAILY[on].includes(series)).map(({ file }) => file);
  const words = (process.env.GUEST ?? '').split(',');
  return files.filter((file) => words.some((word) => file.includes(word)));
}
