// SPDX-License-Identifier: Apache-2.0
// `npm test`: prepares the clone, lints it, runs its tests. Arguments narrow it: `npm test -- snapshot` runs the files with that in their path.
// `npm run test:all` runs what takes long too: the other kernels, and what is installed and shipped.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPackages, installMissing, lintPackages, packagesFor, programPackages, searchPath } from './packages.mjs';
import { prepare } from './prepare.mjs';
import { add, failed, finish, passed, skipped, timed } from './report.mjs';
import { runFile } from './test-lane.mjs';

const folders = ['addon', 'bench', 'dashboards', 'deploy', 'lab', 'src', 'test'];
/** More than lab/kernels/matrix.ts gives a VM, which then can say what it was doing. */
const fileLimitMs = process.env.WHOLE ? 10_800_000 : 2_820_000;
const onKernel = /\.kernel\.test\.ts$/;
/** Other kernels in VMs; and the price per packet on the instruction clock. */
const inVm = /\.vm\.test\.ts$/;
/** The price, which takes longest of one VM, and the kernel on which most tests run (lab/kernels/matrix.ts). */
const earlyVm = /(gate|linux-7\.3)\.vm/;
const slow = /\.(slow(\.kernel)?|vm)\.test\.ts$/;

/** What asks the addon itself. Not the tests of two processes: ps(1), which they ask, hangs under the sanitizer. */
const usesAddon = /^(addon\/|src\/kernel\/|bench\/(own-device|perf-events)\.)/;

/** Where the JavaScript of a test file is. */
let translated = (file) => file;

/** The steps and test files of each kind of run. */
const modes = {
  quick: { steps: [build, lint], packages: lintPackages, includes: (file) => !slow.test(file) },
  all: { steps: [build, lint], packages: lintPackages, includes: () => true, sanitizes: true },
  programs: { steps: [build, playPrograms], includes: () => false, takesWords: true },
  asan: { steps: [build, buildSanitized], includes: (file) => usesAddon.test(file) && !slow.test(file) },
};

async function main(root, mode, words) {
  process.chdir(root);
  process.env.PATH = searchPath;
  if (!mode) return failed('arguments', `the mode must be one of ${Object.keys(modes).join(', ')}`);
  const isNarrowed = words.length > 0 && !mode.takesWords;
  const named = isNarrowed ? (file) => words.some((word) => file.includes(word)) : mode.includes;
  const tests = folders.flatMap(listTests).filter(named).sort().map(readNeeds).filter(isWanted);
  const packages = tests.flatMap(({ needs }) => needs.flatMap(packagesFor));
  const all = new Set([...buildPackages, ...(mode.packages ?? []), ...packages]);
  if (!installMissing([...all]) || !prepare(root)) return failed('preparation', 'see above');
  for (const step of mode.steps) step();
  const sanitizes = mode.sanitizes && words.length === 0;
  await translate(tests.map(({ file }) => file));
  await runTests(tests, sanitizes ? runSanitized : async () => {});
}

/** The needs on the second line of a test file. */
function readNeeds(file) {
  const [, said = ''] = /^.*\n\/\/ Needs: (.+)\.\n/.exec(readFileSync(file, 'utf8')) ?? [];
  return { file, needs: said.split(', ') };
}

/** WHOLE=1: what runs by hand alone (CONTRIBUTING.md). */
function isWanted({ file, needs }) {
  const unknown = needs.find((word) => packagesFor(word) === undefined);
  if (unknown !== undefined)
    failed(
      file,
      `its second line does not say what it needs, or "${unknown}" is not known to deploy/packages.mjs: // Needs: Node.`,
    );
  const isByHand = needs.includes('WHOLE=1') && !process.env.WHOLE;
  if (isByHand && words.length > 0) skipped(file, 'by hand: WHOLE=1');
  return unknown === undefined && !isByHand;
}

/**
 * All tests as JavaScript at once, in two seconds. Each process would take half a second of CPU to translate and read what it imports; there are
 * three hundred.
 */
async function translate(files) {
  if (files.length === 0) return;
  const { tsImport } = await import('tsx/esm/api');
  const { bundle } = await tsImport('../test/bundle.ts', import.meta.url);
  // Another run at the same time has its own.
  const { folder, place } = await bundle(`tests-${process.pid}`, files);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  translated = place;
}

function build() {
  checked('build, with what only tests need', 'flock', ['dist/.lock', 'make', '-j2', '--output-sync', 'all', 'lab']);
}

function lint() {
  checked('lint: biome, clang-format, tsc', 'make', ['--keep-going', 'lint']);
}

/** Node itself is not sanitized, so that the sanitizer has to be there before it. Leaks would be V8's. */
function buildSanitized() {
  checked('addon with AddressSanitizer and UndefinedBehaviorSanitizer', 'make', [
    '-j2',
    '--output-sync',
    '-C',
    'addon',
    'asan',
  ]);
  const library = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();
  Object.assign(process.env, {
    TAPSCOPE_ADDON: resolve('dist/addon/asan/tapscope.node'),
    LD_PRELOAD: library,
    ASAN_OPTIONS: 'detect_leaks=0',
  });
}

/** Real programs and their faults; writes docs/programs.md. What cannot be installed is named there. */
function playPrograms() {
  for (const one of programPackages) installMissing([one]);
  const words = ['--import', 'tsx', 'lab/programs/main.ts', '--write', ...process.argv.slice(3)];
  checked('real programs: docs/programs.md', process.execPath, words);
}

function checked(name, program, args) {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  told(name, `${program} ${args.join(' ')}`, status);
}

function told(name, command, status) {
  if (status === 0) passed(name);
  else failed(name, `"${command}" failed: see above`);
}

function listTests(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listTests(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

/**
 * Tests of this machine's own kernel share it and wait for the clock most of their time: two at once, and one more of those that need only patience;
 * then one after the other those that are alone on it. Two others run beside them, of which one is of VMs, since a VM takes all CPUs that it gets: two
 * VMs run at once when this kernel's tests have ended. Those that take longest come first. When all have ended come those that need a quiet machine.
 */
async function runTests(all, afterKernel) {
  const [quiet, tests] = [true, false].map((isQuiet) => all.filter(({ needs }) => needs.includes('quiet') === isQuiet));
  const files = tests.map(({ file }) => file);
  const kernel = tests.filter(({ file }) => onKernel.test(file));
  const vms = firstThose(
    earlyVm,
    files.filter((file) => inVm.test(file)),
  );
  const pure = firstThose(
    slow,
    files.filter((file) => !onKernel.test(file) && !inVm.test(file)),
  );
  const [inVms, others] = [vms.values(), pure.values()];
  await Promise.all([
    runOnKernel(kernel)
      .then(() => timed('(the sanitized tests)', afterKernel()))
      .then(() => runFiles(inVms)),
    timed(
      '(VMs, then pure tests)',
      runFiles(inVms).then(() => runFiles(others)),
    ),
    timed('(pure tests)', runFiles(others)),
  ]);
  await timed('(those that need a quiet machine)', runFiles(forRoot(quiet).values()));
}

/** Their files; where this user is not root, without those of this machine's kernel. */
function forRoot(tests) {
  const wanted = tests.filter(({ file }) => !onKernel.test(file) || process.getuid() === 0);
  for (const one of tests) if (!wanted.includes(one)) skipped(one.file, 'needs root');
  return wanted.map(({ file }) => file);
}

function firstThose(pattern, files) {
  return files.toSorted((a, b) => pattern.test(b) - pattern.test(a));
}

async function runOnKernel(tests) {
  const files = (isOne) => forRoot(tests.filter(({ needs }) => isOne(needs)));
  const [isAlone, isPatient] = ['alone', 'patience'].map((word) => (needs) => needs.includes(word));
  const patient = files(isPatient);
  const others = firstThose(
    slow,
    files((needs) => !isAlone(needs) && !isPatient(needs)),
  );
  const enter = laneEntry();
  const both = others.values();
  const lanes = enter ? [both, both, patient.values()] : [[...others, ...patient].values()];
  await timed(
    "(tests of this machine's kernel, beside each other)",
    Promise.all(lanes.map((waiting) => runInLane(waiting, enter ?? ['env']))),
  );
  await timed('(those that are alone)', runFiles(files(isAlone).values()));
}

/** Another process, into which the sanitizer is loaded. Its tests are of this kernel too. */
async function runSanitized() {
  const child = spawn(process.execPath, ['deploy/test.mjs', 'asan'], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [status] = await once(child, 'exit');
  told('addon under AddressSanitizer and UndefinedBehaviorSanitizer', 'npm run test:asan', status);
}

/** One after the other, until none is left. */
async function runFiles(waiting) {
  for (const file of waiting) await runFile(toRun(file));
}

function toRun(file) {
  return { file, place: translated(file), timeout: fileLimitMs };
}

/** A host has one agent, by a lock in /run/tapscope: each lane has a folder there of its own, and so has each test that runs at the same time. */
const laneScript = 'mkdir -p /run/tapscope && mount -t tmpfs -o mode=0700 lane /run/tapscope && exec "$@"';

/** What starts a program in a mount namespace of its own; undefined: this host allows none. */
function laneEntry() {
  const [unshare, ...words] = ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', laneScript, 'sh'];
  return spawnSync(unshare, [...words, 'true']).status === 0 ? [unshare, ...words] : undefined;
}

/** Takes files, until none is left, in a process that `enter` starts. */
async function runInLane(waiting, enter) {
  const [program, ...words] = [...enter, process.execPath, 'deploy/test-lane.mjs'];
  const lane = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(lane, 'exit');
  for (const file of waiting) {
    lane.send(toRun(file));
    const [answer] = await Promise.race([once(lane, 'message'), ended]);
    if (!lane.connected) {
      failed(file, 'the process that ran it has ended');
      return runInLane(waiting, enter);
    }
    add(answer);
  }
  lane.disconnect();
  await ended;
}

// Node hands its own options on to the processes of the tests.
process.execArgv.push('--enable-source-maps');
const [mode = 'quick', ...words] = process.argv.slice(2);
await main(join(dirname(fileURLToPath(import.meta.url)), '..'), modes[mode], words);
finish();
