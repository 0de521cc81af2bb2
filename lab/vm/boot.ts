// SPDX-License-Identifier: Apache-2.0
// Boots one of the lab's kernels under QEMU's software emulation (no KVM is needed). Its root is this machine's own file system, or one of
// the kernel's architecture, read-only under an overlay. Runs a command there as root in the directory where the caller stands.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Architecture } from '../../test/debian/apt.ts';
import { initrdOf, vmlinuxOf } from './images.ts';
import type { Kernel } from './kernels.ts';

export interface VmOptions {
  readonly cpus?: number;
  readonly memoryMiB?: number;
  /** One virtual nanosecond is one guest instruction: times become instruction counts. Takes one CPU. */
  readonly instructionClock?: boolean;
  /** Added to the kernel's command line. */
  readonly kernelArguments?: readonly string[];
  readonly timeoutMs?: number;
  /** Hears the command's output as it comes. */
  readonly onOutput?: (text: string) => void;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface VmResult {
  /** The command's exit status. */
  readonly status: number;
  /** What the command wrote to stdout and stderr. */
  readonly output: string;
  /** What the kernel had to say: warnings, oopses. */
  readonly console: string;
}

interface Machine {
  /** QEMU's program, and Debian's package that has it. */
  readonly program: string;
  readonly package: string;
  readonly arguments: readonly string[];
  readonly kernelArguments: readonly string[];
  /** The command's own serial line, `command`; the kernel has another. */
  readonly secondLine: readonly string[];
  /** Its name in the guest. */
  readonly commandLine: string;
}

const MACHINES: Readonly<Record<Architecture, (hasInstructionClock: boolean) => Machine>> = {
  amd64: (hasInstructionClock) => ({
    program: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    // QEMU takes a string instruction apart: a page is cleared in 4 096 steps by bytes, in 512 by words, and in 64 by a loop. A third
    // of what these tests took was that. The instruction clock goes on as it did, for its figures have a past.
    arguments: ['-machine', 'q35,accel=tcg,smm=off', '-cpu', hasInstructionClock ? 'max' : 'max,-erms', '-vga', 'none'],
    secondLine: ['-serial', 'chardev:command'],
    // tsc=reliable: kernels that distrust an emulated TSC would ask the HPET, a device, each time a clock is read.
    // no_timer_check: one that gets no CPU while it waits for its first ticks would take the timer for broken, and panic.
    kernelArguments: [
      'console=ttyS0 tsc=reliable no_timer_check',
      ...(hasInstructionClock ? [] : ['clearcpuid=rep_good']),
    ],
    commandLine: 'ttyS1',
  }),
  arm64: () => ({
    program: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    // A CPU that clouds have. It does not sign pointers, which is slow to emulate; `max` does.
    arguments: ['-machine', 'virt,accel=tcg,gic-version=3', '-cpu', 'neoverse-n1'],
    secondLine: ['-device', 'pci-serial,chardev=command'],
    kernelArguments: ['console=ttyAMA0'],
    commandLine: 'ttyS0',
  }),
};

/** Where a VM's dist/ lies, below the root of the tree: this machine's own build, or one for its architecture. */
export function distOf(architecture: Architecture): string {
  return architecture === 'amd64' ? 'dist' : `dist/${architecture}/guest`;
}

/** Node in a VM. */
export function nodeOf(architecture: Architecture): string {
  return architecture === 'amd64' ? process.execPath : '/usr/bin/node';
}

/** apt package -> a file that it brings. */
const NEEDS: Readonly<Record<string, string>> = {
  'busybox-static': '/bin/busybox',
  kmod: '/sbin/modprobe',
  'xz-utils': '/usr/bin/xz',
  zstd: '/usr/bin/zstd',
};

/** For `test(name, { skip: noVm }, …)`: why VMs cannot run here, or false. */
export const noVm: string | false = whyNoVm('amd64');

/** The same for kernels of this architecture. */
export function whyNoVm(architecture: Architecture): string | false {
  if (process.arch !== 'x64') {
    return `needs an amd64 machine: the lab has no kernels for ${process.arch}`;
  }
  const machine = MACHINES[architecture](false);
  const needs = {
    [machine.package]: `/usr/bin/${machine.program}`,
    ...(architecture === 'amd64' ? {} : { 'g++-aarch64-linux-gnu': '/usr/bin/aarch64-linux-gnu-g++' }),
    ...NEEDS,
  };
  const missing = Object.entries(needs).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));
  if (missing.length > 0) {
    return `needs VMs: apt install ${missing.join(' ')}`;
  }
  return isStatic('/bin/busybox') ? false : 'needs a static busybox: apt install busybox-static';
}

/** Debian's package busybox has the same file, which needs libraries that the initrd does not have. */
function isStatic(file: string): boolean {
  return execFileSync('sh', ['-c', `ldd ${file} 2>&1 || :`], { encoding: 'utf8' }).includes('not a dynamic');
}

export async function runInVm(kernel: Kernel, command: readonly string[], options: VmOptions = {}): Promise<VmResult> {
  const work = await mkdtemp(join(tmpdir(), 'tapscope-vm-'));
  try {
    await writeFile(join(work, 'run.sh'), runScript(command, options.environment ?? {}));
    const images = { vmlinux: await vmlinuxOf(kernel), initrd: await initrdOf(kernel) };
    const { output, late } = await boot(qemuOf(kernel, images, work, options), options);
    const console = await readFile(join(work, 'console'), 'utf8').then((text) => text.replaceAll('\r', ''));
    const status = await readFile(join(work, 'status'), 'utf8').catch(() => undefined);
    if (status === undefined) {
      const why = late ? 'was stopped: its time was over' : 'ended before its command did';
      throw new Error(`The VM with kernel ${kernel.release} ${why}.\n${lastLines(console)}\n${lastLines(output)}`);
    }
    return { status: Number(status), output, console };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function runScript(command: readonly string[], environment: Readonly<Record<string, string>>): string {
  const variables = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    ...environment,
  };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return [...exports, `cd ${quoted(process.cwd())}`, `exec ${command.map(quoted).join(' ')}`, ''].join('\n');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

interface Images {
  readonly vmlinux: string;
  readonly initrd: string;
}

/** QEMU's program and its arguments. */
function qemuOf(kernel: Kernel, { vmlinux, initrd }: Images, work: string, options: VmOptions): readonly string[] {
  const { cpus = 2, memoryMiB = 2048, instructionClock = false, kernelArguments = [] } = options;
  const share = 'security_model=none,multidevs=remap';
  const machine = MACHINES[kernel.architecture](instructionClock);
  // loglevel=5: warnings too, for lab/kernels/matrix.ts.
  // maxcpus=1: lab/vm/vm-init.sh takes the others when it has done what must be done before.
  const boot = [
    'rdinit=/init quiet loglevel=5 panic=-1 mitigations=off',
    ...machine.kernelArguments,
    ...(instructionClock ? [] : ['maxcpus=1']),
    ...kernelArguments,
    `vm.work=${work} vm.kernel=${kernel.directory} vm.cwd=${process.cwd()}`,
    `vm.line=${machine.commandLine}`,
    ...(kernel.root === undefined ? [] : [`vm.root=${kernel.root} vm.dist=${distOf(kernel.architecture)}`]),
  ];
  return [
    machine.program,
    ...machine.arguments,
    ...['-smp', String(instructionClock ? 1 : cpus), '-m', String(memoryMiB)],
    ...(instructionClock ? ['-icount', 'shift=0,sleep=off'] : []),
    ...['-display', 'none', '-monitor', 'none', '-no-reboot', '-nic', 'none'],
    ...['-serial', `file:${join(work, 'console')}`],
    ...['-chardev', 'stdio,id=command', ...machine.secondLine],
    ...['-kernel', vmlinux, '-initrd', initrd, '-append', boot.join(' ')],
    ...['-virtfs', `local,path=/,mount_tag=root,${share},readonly=on`],
    ...['-virtfs', `local,path=${work},mount_tag=work,${share}`],
  ];
}

interface Boot {
  readonly output: string;
  readonly late: boolean;
}

/** The VM must not outlive a caller that is killed: stdin closes with the caller, however it ends. PR_SET_PDEATHSIG was tried and does not reach QEMU. */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- &
vm=$!
{ cat <&3; kill -9 $vm; } >/dev/null 2>&1 &
wait $vm
`;

function boot(qemu: readonly string[], options: VmOptions): Promise<Boot> {
  const { timeoutMs = 600_000, onOutput = () => {} } = options;
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', GUARD, 'sh', ...qemu], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.stdin.end();
    }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        onOutput(text);
      });
    }
    child.on('error', reject);
    child.on('exit', () => child.stdin.destroy());
    child.on('close', () => {
      clearTimeout(timer);
      resolve({ output, late });
    });
  });
}

/** Enough for a whole oops. */
function lastLines(output: string): string {
  return output.trimEnd().split('\n').slice(-60).join('\n');
}
