// SPDX-License-Identifier: Apache-2.0
// The kernel matrix: one boot of one kernel runs ordinary test files there, told as subtests of one test here.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import test from 'node:test';
import { NoMirror } from '../../test/debian/apt.ts';
import { isWhole } from '../../test/whole.ts';
import { SERIES as BUILDS_SERIES, tunModules } from '../napi/tun-modules.ts';
import { noVm, runInVm } from '../vm/boot.ts';
import { buildFor, guestProgram } from '../vm/guest-program.ts';
import { type Kernel, kernelOrWhy } from '../vm/kernels.ts';
import { KERNELS, type LabKernel, SERIES } from '../vm/series.ts';
import { EVENT_START } from './guest-reporter.ts';
import { Retelling } from './vm-reporter.ts';

interface GuestFile {
  readonly file: string;
  /** The kernels on which `npm run test:all` runs it. */
  readonly on: readonly string[];
  /** With WHOLE=1 it runs on these too, and on all of SERIES. */
  readonly also?: readonly string[];
}

const BY_HAND: readonly string[] = [];
const OLDEST: readonly string[] = ['5.10'];
const ARM64: readonly string[] = ['6.12-arm64', '7.3-arm64'];
const REAL_TIME: readonly string[] = ['6.12-rt', '7.3-rt'];

/** Needs modules that are built before. */
const TUN_BUILDS = 'lab/napi/tun-builds.guest.ts';

/**
 * Files that run on other kernels, and the kernels on which `npm run test:all` runs them. Each kernel shows its mechanisms and exact counts; what
 * this machine's own kernel cannot show (vhost-net, fentry, queues that stop) runs on the oldest or the newest kernel of those that differ. With
 * WHOLE=1 all files run on all kernels, and with GUEST=vhost,late those with one of these in their path: by hand, when their subject changes.
 *
 * Neighbours share an agent where they can (test/agent/shared-agent.ts): those that need one of their own come first (of these `doctor`: others load
 * drivers that it would tell of) and last. Files with tests of both kinds lie so that what ends one goes on in the next.
 */
export const GUEST_FILES: readonly GuestFile[] = [
  { file: 'test/guest/doctor.guest.ts', on: ['5.10', ...SERIES], also: ARM64 },
  { file: 'test/guest/chosen-mechanisms.guest.ts', on: SERIES },
  { file: 'test/guest/rights.guest.ts', on: BY_HAND },
  { file: 'test/guest/modules.guest.ts', on: ['6.1'] },
  { file: TUN_BUILDS, on: BY_HAND },
  { file: 'test/guest/cpu-hotplug.guest.ts', on: BY_HAND },
  { file: 'test/guest/allocation.guest.ts', on: ['7.2'] },
  { file: 'lab/tables/bench.guest.ts', on: BY_HAND },
  { file: 'test/guest/drops.guest.ts', on: BY_HAND },
  { file: 'test/guest/fallbacks.guest.ts', on: BY_HAND },
  { file: 'test/guest/forced.guest.ts', on: BY_HAND },
  { file: 'test/guest/budget.guest.ts', on: BY_HAND },
  { file: 'test/guest/late.guest.ts', on: ['6.1'] },
  { file: 'dashboards/test/recorded.guest.ts', on: BY_HAND },
  { file: 'lab/verdicts/verdicts.guest.ts', on: BY_HAND },
  { file: 'lab/verdicts/remedy.guest.ts', on: BY_HAND },
  { file: 'lab/verdicts/pasted.slow.kernel.test.ts', on: BY_HAND },
  { file: 'src/diagnosis/earned-port.slow.kernel.test.ts', on: BY_HAND },
  { file: 'src/diagnosis/earned-bridge.slow.kernel.test.ts', on: BY_HAND },
  { file: 'src/diagnosis/earned-conntrack.slow.kernel.test.ts', on: BY_HAND },
  { file: 'lab/kernels/proof.guest.ts', on: OLDEST, also: KERNELS.map(({ name }) => name) },
  { file: 'lab/kernels/traffic.guest.ts', on: SERIES, also: OLDEST },
  { file: 'test/guest/departures.guest.ts', on: ['6.12'] },
  { file: 'test/guest/tcp.guest.ts', on: ['7.3'] },
  { file: 'test/guest/zerocopy.guest.ts', on: ['7.2'] },
  { file: 'test/guest/zerocopy-macvtap.guest.ts', on: ['7.3'] },
  { file: 'test/guest/vhost-guest.guest.ts', on: ['7.3'] },
  { file: 'test/guest/random-guests.guest.ts', on: BY_HAND },
  { file: 'lab/programs/guests/real-qemu.guest.ts', on: BY_HAND },
  { file: 'test/guest/lifetimes.guest.ts', on: ['7.3'] },
  { file: 'test/guest/ended.guest.ts', on: ['6.1', '7.3'], also: OLDEST },
  { file: 'test/guest/vhost.guest.ts', on: ['6.1'] },
  { file: 'test/guest/backpressure.guest.ts', on: ['7.3'] },
  { file: 'test/guest/receive.guest.ts', on: ['6.12'] },
  { file: 'test/guest/redirect.guest.ts', on: ['7.3'] },
  { file: 'test/guest/readers.guest.ts', on: BY_HAND },
  { file: 'test/guest/preempted.guest.ts', on: BY_HAND, also: REAL_TIME },
  { file: 'src/subjects/readers.slow.kernel.test.ts', on: BY_HAND, also: OLDEST },
  { file: 'src/subjects/before-tun.kernel.test.ts', on: ['5.10', '6.1'] },
  { file: 'src/subjects/routed-drops.kernel.test.ts', on: ['6.1'], also: OLDEST },
  { file: 'src/diagnosis/ledger.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/unrouted.kernel.test.ts', on: ['6.1'], also: OLDEST },
  { file: 'src/subjects/lost-beyond.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/lost-on-the-way.slow.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/silent-ends.slow.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/program-writes.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/unserved.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/below-tunnel.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/refused-by-host.kernel.test.ts', on: ['6.1', '7.3'] },
  { file: 'src/subjects/receive.kernel.test.ts', on: ['6.12'] },
  { file: 'src/subjects/uncounted.kernel.test.ts', on: ['5.10', '6.1', '7.3'] },
  { file: 'lab/model/random.slow.kernel.test.ts', on: ['7.3'] },
  { file: 'src/subjects/ring-history.kernel.test.ts', on: BY_HAND },
  { file: 'lab/programs/ring-replay.kernel.test.ts', on: BY_HAND },
  { file: 'src/accounting/exact.kernel.test.ts', on: ['5.10', '7.3'] },
  { file: 'src/accounting/bypass.kernel.test.ts', on: BY_HAND },
  { file: 'src/subjects/redirect.kernel.test.ts', on: BY_HAND, also: OLDEST },
  { file: 'src/accounting/levels.kernel.test.ts', on: ['6.1'], also: OLDEST },
  { file: 'src/accounting/split-at-rest.kernel.test.ts', on: ['6.1'] },
  { file: 'test/guest/levels.guest.ts', on: BY_HAND },
  { file: 'src/subjects/queue-changes.kernel.test.ts', on: ['7.3'] },
  { file: 'test/guest/wakeups.guest.ts', on: ['6.12'] },
  { file: 'src/subjects/wakeups.kernel.test.ts', on: BY_HAND },
  { file: 'bench/own-device.kernel.test.ts', on: ['7.3'] },
  { file: 'src/subjects/macvtap.kernel.test.ts', on: BY_HAND },
  { file: 'src/inventory/owners.slow.kernel.test.ts', on: BY_HAND, also: OLDEST },
  // Last: probes are attached while packets pass, which QEMU's emulation of several CPUs does not survive each time.
  { file: 'src/accounting/opening.kernel.test.ts', on: BY_HAND },
];

const RUN = 'lab/kernels/main.ts';
const REPORTER = 'lab/kernels/reporter.cjs';

/** What repeats or lengthens a run there as it does here; random sequences run in full on this machine's own kernel. */
const PASSED_ON: Readonly<Record<string, string | undefined>> = {
  SEED: process.env.SEED,
  WHOLE: process.env.WHOLE,
  /** Minutes of random steps with WHOLE=1, by each mechanism: as many as fit. */
  MODEL_MINUTES: isWhole ? '15' : undefined,
  /** Otherwise one world of random steps, by fentry: raw tracepoints have theirs on the kernel of this machine. */
  MODEL_BEST: isWhole || process.env.SEED ? undefined : '1',
  TAP: process.env.TAP,
  /** Only remedies of rules with this in their name are pasted. */
  ONLY: process.env.ONLY,
  TCP_PACKETS: process.env.TCP_PACKETS,
  SEQUENCES: process.env.SEQUENCES ?? (isWhole && !process.env.SEED ? '50' : '1'),
};
/**
 * Below what deploy/test.mjs gives a file, so that a VM that hangs can say what it was doing; and twice what a VM takes
 * beside another on a busy machine, which was 1 300 s.
 */
const LIMIT_MS = isWhole ? 10_000_000 : 2_700_000;

/** The kernels that only WHOLE=1 boots. */
export const OTHERS: readonly LabKernel[] = KERNELS.filter(
  ({ name }) => !GUEST_FILES.some(({ on }) => on.includes(name)),
);

/** `name`: of lab/vm/series.ts. */
export function testOnKernel(name: string, skip = noVm): void {
  const files = guestFiles(name);
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

function guestFiles(kernel: string): readonly string[] {
  const { GUEST } = process.env;
  const isChosen = ({ file, on, also = [] }: GuestFile): boolean => {
    if (GUEST) return GUEST.split(',').some((word) => file.includes(word));
    return on.includes(kernel) || (isWhole && (isSeries(kernel) || also.includes(kernel)));
  };
  return GUEST_FILES.filter(isChosen).map(({ file }) => file);
}

function isSeries(kernel: string): boolean {
  return SERIES.some((series) => series === kernel);
}

// What a kernel writes to its console when it finds a fault in itself: a test that passed meanwhile proves nothing.
/** Matches the kernel's own reports: WARN(), BUG(), an oops, lockdep, KASAN and its like, stalls, lockups and hung tasks. */
const SPLAT =
  /WARNING: |\bBUG\b|\bOops\b|general protection fault|\bINFO: (?:rcu_|task |possible |trying |inconsistent |suspicious )|\brcu: INFO|detected stalls?|lockdep|KASAN|UBSAN|KCSAN|\bLOCKUP\b/;

interface Known {
  readonly line: RegExp;
  /** Why it is no fault of the kernel. */
  readonly why: string;
}

const KNOWN: readonly Known[] = [
  {
    line: /soft lockup|\bLOCKUP\b|\brcu: INFO|INFO: rcu_|detected stalls?|blocked for more than/,
    why: 'an emulated CPU that gets no time of this machine stands still for as long',
  },
];

/** Lines of the console by which the kernel reports a fault of its own, but for those that are known. */
export function splatsOf(console: string): readonly string[] {
  const lines = console.split('\n').filter((line) => SPLAT.test(line));
  return lines.filter((text) => !KNOWN.some(({ line }) => line.test(text)));
}
