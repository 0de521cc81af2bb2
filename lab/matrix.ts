// SPDX-License-Identifier: Apache-2.0
// The kernel matrix: one boot of one kernel runs ordinary test files there, told as subtests of one test here.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { EVENT_START } from './guest/event.ts';
import { type Kernel, provideKernel } from './kernels.ts';
import { Retelling } from './retell.ts';
import { noVm, runInVm } from './vm.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Tests that run on this machine's own kernel too. */
const SHARED_FILES = [
  'src/inventory/exact.kernel.test.ts',
  'src/inventory/before-tun.kernel.test.ts',
  'src/inventory/receive.kernel.test.ts',
  'src/inventory/redirect.kernel.test.ts',
  'src/inventory/macvtap.kernel.test.ts',
  'src/inventory/uncounted.kernel.test.ts',
  'src/inventory/ring-history.kernel.test.ts',
  'src/inventory/random.slow.kernel.test.ts',
  'src/inventory/owners.kernel.test.ts',
  'src/inventory/readers.kernel.test.ts',
];

/** Holds what the dashboards' tests have of Linux 7.3 against that kernel. */
const RECORDED = 'dashboards/recorded.guest.ts';

/** What repeats or lengthens a run there as it does here; random sequences run in full on this machine's own kernel. */
const PASSED_ON: Readonly<Record<string, string | undefined>> = {
  SEED: process.env.SEED,
  NIGHTLY: process.env.NIGHTLY,
  SEQUENCES: process.env.SEQUENCES ?? (process.env.NIGHTLY ? '50' : '2'),
};
/** Below what deploy/test.mjs gives a file, so that a VM that hangs can say what it was doing. */
const LIMIT_MS = process.env.NIGHTLY ? 10_000_000 : 1_500_000;

/** GUEST=traffic in the environment runs only the files with that in their path. */
export function testOnKernel(series: string): void {
  test(`Linux ${series}`, { skip: noVm }, async (t) => {
    const kernel = await provideKernel(series, (line) => console.log(line)).catch((error: unknown) => String(error));
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
  const reporter = ['--test-reporter', join(here, 'guest/reporter.cjs'), '--test-reporter-destination', 'stdout'];
  const command = [process.execPath, '--import', 'tsx', ...reporter, join(here, 'guest/run.ts'), ...guestFiles()];
  try {
    const options = { timeoutMs: LIMIT_MS, environment, onOutput: (text: string) => told.hear(text) };
    const { status } = await runInVm(kernel, command, options);
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

function guestFiles(): readonly string[] {
  const own = readdirSync(join(here, 'guest')).filter((name) => name.endsWith('.guest.ts'));
  const files = [...own.map((name) => join('lab/guest', name)), RECORDED, ...SHARED_FILES];
  return files.filter((file) => file.includes(process.env.GUEST ?? ''));
}
