// SPDX-License-Identifier: Apache-2.0
// The kernel matrix: one boot of one kernel runs ordinary test files there, told as subtests of one test here.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import test from 'node:test';
import { NoMirror } from '../../test/debian/apt.ts';
import { isNightly } from '../../test/nightly.ts';
import { SERIES as BUILDS_SERIES, tunModules } from '../napi/tun-modules.ts';
import { noVm, runInVm } from '../vm/boot.ts';
import { buildFor, guestProgram } from '../vm/guest-program.ts';
import { type Kernel, kernelOrWhy } from '../vm/kernels.ts';
import { KERNELS, type LabKernel, SERIES, type Series } from '../vm/series.ts';
import { EVENT_START } from './event.ts';
import { splatsOf } from './splats.ts';
import { Retelling } from './vm-reporter.ts';

const NIGHTLY: readonly Series[] = [];

/** Needs modules that are built before. */
const TUN_BUILDS = 'lab/guest/tun-builds.guest.ts';

/**
 * Files that run on other kernels, and the kernels on which `npm run test:kernels` runs them each day; `npm run test:nightly`
 * runs everything everywhere. All kernels show each day which mechanisms there are, and the counts at full speed. One or two
 * show what this machine's own kernel cannot: vhost-net, fentry, queues that stop. They are the oldest or the newest of
 * those that differ. Some files run only at night: what is shown here each day by other mechanisms, what takes long, and
 * what depends on when a thread gets a CPU. Two VMs share the CPUs here.
 *
 * Neighbours share an agent where they can (test/agent/shared-agent.ts): those that need one of their own come first (of these `doctor`: others load
 * drivers that it would tell of) and last. Files with tests of both kinds lie so that what ends one goes on in the next.
 */
export const GUEST_FILES: readonly { readonly file: string; readonly daily: readonly Series[] }[] = [
  { file: 'lab/guest/doctor.guest.ts', daily: SERIES },
  { file: 'lab/guest/chosen-mechanisms.guest.ts', daily: SERIES },
  { file: 'lab/guest/rights.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/modules.guest.ts', daily: ['6.1'] },
  { file: TUN_BUILDS, daily: NIGHTLY },
  { file: 'lab/guest/cpu-hotplug.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/allocation.guest.ts', daily: ['7.2'] },
  { file: 'lab/guest/bench.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/drops.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/fallbacks.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/forced.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/budget.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/late.guest.ts', daily: ['6.1'] },
  { file: 'dashboards/test/recorded.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/verdicts.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/remedy.guest.ts', daily: NIGHTLY },
  { file: 'lab/verdicts/pasted.slow.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/diagnosis/earned-port.slow.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/diagnosis/earned-bridge.slow.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/diagnosis/earned-conntrack.slow.kernel.test.ts', daily: NIGHTLY },
  { file: 'lab/guest/proof.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/traffic.guest.ts', daily: SERIES },
  { file: 'lab/guest/departures.guest.ts', daily: ['6.12'] },
  { file: 'lab/guest/tcp.guest.ts', daily: ['7.3'] },
  { file: 'lab/guest/zerocopy.guest.ts', daily: ['7.2'] },
  { file: 'lab/guest/vhost-guest.guest.ts', daily: ['7.3'] },
  { file: 'lab/guest/random-guests.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/real-qemu.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/lifetimes.guest.ts', daily: ['7.3'] },
  { file: 'lab/guest/ended.guest.ts', daily: ['6.1', '7.3'] },
  { file: 'lab/guest/vhost.guest.ts', daily: ['6.1'] },
  { file: 'lab/guest/backpressure.guest.ts', daily: ['7.3'] },
  { file: 'lab/guest/receive.guest.ts', daily: ['6.12'] },
  { file: 'lab/guest/redirect.guest.ts', daily: ['7.3'] },
  { file: 'lab/guest/readers.guest.ts', daily: NIGHTLY },
  { file: 'lab/guest/preempted.guest.ts', daily: NIGHTLY },
  { file: 'src/subjects/readers.slow.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/subjects/before-tun.kernel.test.ts', daily: ['6.1'] },
  { file: 'src/subjects/routed-drops.kernel.test.ts', daily: ['6.1'] },
  { file: 'src/subjects/unrouted.kernel.test.ts', daily: ['6.1'] },
  { file: 'src/subjects/refused-by-host.kernel.test.ts', daily: ['6.1', '7.3'] },
  { file: 'src/subjects/receive.kernel.test.ts', daily: ['6.12'] },
  { file: 'src/subjects/uncounted.kernel.test.ts', daily: ['6.1', '7.3'] },
  { file: 'lab/model/random.slow.kernel.test.ts', daily: ['7.3'] },
  { file: 'src/subjects/ring-history.kernel.test.ts', daily: NIGHTLY },
  { file: 'lab/programs/ring-replay.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/accounting/exact.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/accounting/bypass.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/subjects/redirect.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/accounting/lean.kernel.test.ts', daily: ['6.1'] },
  { file: 'lab/guest/levels.guest.ts', daily: NIGHTLY },
  { file: 'src/subjects/queue-changes.kernel.test.ts', daily: ['7.3'] },
  { file: 'lab/guest/wakeups.guest.ts', daily: ['6.12'] },
  { file: 'src/subjects/wakeups.kernel.test.ts', daily: NIGHTLY },
  { file: 'bench/own-device.kernel.test.ts', daily: ['7.3'] },
  { file: 'src/subjects/macvtap.kernel.test.ts', daily: NIGHTLY },
  { file: 'src/inventory/owners.slow.kernel.test.ts', daily: NIGHTLY },
  // Last: probes are attached while packets pass, which QEMU's emulation of several CPUs does not survive each time.
  { file: 'src/accounting/opening.kernel.test.ts', daily: NIGHTLY },
];

const RUN = 'lab/kernels/main.ts';
const REPORTER = 'lab/kernels/reporter.cjs';

/** What repeats or lengthens a run there as it does here; random sequences run in full on this machine's own kernel. */
const PASSED_ON: Readonly<Record<string, string | undefined>> = {
  SEED: process.env.SEED,
  NIGHTLY: process.env.NIGHTLY,
  /** Minutes of random steps at night, by each mechanism: as many as fit. */
  MODEL_MINUTES: isNightly ? '15' : undefined,
  /** One world of random steps by day, by fentry: raw tracepoints have theirs on the kernel of this machine. */
  MODEL_BEST: isNightly || process.env.SEED ? undefined : '1',
  TAP: process.env.TAP,
  /** Only remedies of rules with this in their name are pasted. */
  ONLY: process.env.ONLY,
  TCP_PACKETS: process.env.TCP_PACKETS,
  SEQUENCES: process.env.SEQUENCES ?? (isNightly && !process.env.SEED ? '50' : '1'),
};
/**
 * Below what deploy/test.mjs gives a file, so that a VM that hangs can say what it was doing; and twice what a VM takes
 * beside another on a busy machine, which was 1 300 s.
 */
const LIMIT_MS = isNightly ? 10_000_000 : 2_700_000;

/** What Linux 5.10 runs, where programs have raw tracepoints alone and no drop reasons: each day, and at night. */
const OLDEST_DAILY: readonly string[] = [
  'lab/guest/proof.guest.ts',
  'lab/guest/traffic.guest.ts',
  'src/subjects/before-tun.kernel.test.ts',
  'src/subjects/uncounted.kernel.test.ts',
];
const OLDEST_NIGHTLY: readonly string[] = [
  'src/subjects/routed-drops.kernel.test.ts',
  'src/subjects/unrouted.kernel.test.ts',
  'src/subjects/redirect.kernel.test.ts',
  'src/subjects/readers.slow.kernel.test.ts',
  'src/inventory/owners.slow.kernel.test.ts',
  'src/accounting/lean.kernel.test.ts',
  'lab/guest/ended.guest.ts',
];
export const OLDEST: readonly string[] = isNightly ? [...OLDEST_DAILY, ...OLDEST_NIGHTLY] : OLDEST_DAILY;

/** What `npm test` runs in a short boot of the oldest and of the newest kernel: which mechanisms there are, and exact counts. */
export const SHORT: readonly string[] = ['lab/guest/doctor.guest.ts', 'src/accounting/exact.kernel.test.ts'];

/** What every kernel of docs/kernels.md runs. */
export const PROOFS: readonly string[] = ['lab/guest/proof.guest.ts'];

/** What real-time kernels run. */
export const REALTIME: readonly string[] = [...PROOFS, 'lab/guest/preempted.guest.ts'];

/** What kernels of another architecture than this machine's run. */
export const FOREIGN: readonly string[] = ['lab/guest/doctor.guest.ts', ...PROOFS];

/** GUEST=traffic,late in the environment runs only the files with one of these in their path. `name`: of lab/vm/series.ts. */
export function testOnKernel(name: string, files: readonly string[] = guestFiles(name), skip = noVm): void {
  test(`Linux ${name}`, { skip }, async (t) => {
    const one = KERNELS.find((each) => each.name === name);
    assert.ok(one, `the lab has no kernel ${name}`);
    const kernel = await kernelOrWhy(one.series, (line) => console.log(line));
    if (typeof kernel === 'string') {
      t.skip(`nothing was tested on kernel ${name}: ${kernel}`);
      return;
    }
    buildFor(one.architecture);
    const told = new Retelling((line) => console.log(line));
    const failure = boot(kernel, one, files, told).then(
      () => undefined,
      (error: unknown) => withoutEvents(error instanceof Error ? error.message : String(error)),
    );
    await told.tell(t);
    const reason = await failure;
    if (reason !== undefined) throw new Error(reason);
    assert.ok(told.ended, `the tests on kernel ${name} did not reach their end: see above`);
  });
}

async function boot(kernel: Kernel, one: LabKernel, files: readonly string[], told: Retelling): Promise<void> {
  const { name, kernelArguments, cpus, architecture } = one;
  const environment = Object.fromEntries(
    Object.entries({ ...PASSED_ON, TUN_BUILDS: await tunBuilds(kernel, files) }).flatMap(([name, value]) =>
      value ? [[name, value]] : [],
    ),
  );
  try {
    const { place, command } = await guestProgram(`linux-${name}`, [RUN, REPORTER, ...files], architecture);
    const reporter = ['--test-reporter', resolve(place(REPORTER)), '--test-reporter-destination', 'stdout'];
    const hear = (text: string): void => told.hear(text);
    const options = { timeoutMs: LIMIT_MS, environment, kernelArguments, cpus, onOutput: hear };
    const { status, console: log } = await runInVm(kernel, command(files.map(place), reporter), options);
    const splats = splatsOf(log);
    if (splats.length > 0) throw new Error(`The kernel reported faults of its own:\n${splats.join('\n')}`);
    if (status !== 0 && told.failures === 0) throw new Error(`The tests in the VM ended with status ${status}.`);
  } finally {
    told.close();
  }
}

/** undefined: no test asks for them, or they are for another kernel, or there is no mirror. */
async function tunBuilds(kernel: Kernel, files: readonly string[]): Promise<string | undefined> {
  if (!files.includes(TUN_BUILDS) || kernel.series !== BUILDS_SERIES) return undefined;
  try {
    return await tunModules(kernel, (line) => console.log(line));
  } catch (error) {
    if (!(error instanceof NoMirror)) throw error;
    console.log(error.message);
    return undefined;
  }
}

/** The output without the events: they were reported already, and would be repeated as the VM's last words. */
function withoutEvents(text: string): string {
  const lines = text.split('\n');
  return lines.filter((line) => !line.startsWith(EVENT_START)).join('\n');
}

function guestFiles(series: string): readonly string[] {
  const everything = isNightly || process.env.GUEST;
  const chosen = GUEST_FILES.filter(({ daily }) => everything || daily.some((one) => one === series));
  const files = chosen.map(({ file }) => file);
  const words = (process.env.GUEST ?? '').split(',');
  return files.filter((file) => words.some((word) => file.includes(word)));
}
