// SPDX-License-Identifier: Apache-2.0
// Programs of this tree for a VM: built, and bundled where the VM sees them.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { type Bundle, bundle } from '../../test/bundle.ts';
import type { Architecture } from '../../test/debian/apt.ts';
import { distOf, nodeOf, runInVm, type VmOptions } from './boot.ts';
import { type Kernel, provideKernel } from './kernels.ts';

const root = join(import.meta.dirname, '../..');

/** Node's names. */
const NAMES: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };

/** Builds what the lab needs there; the product itself is built for this machine already. */
export function buildFor(architecture: Architecture): void {
  if (architecture === 'amd64')
    execFileSync('make', ['--silent', '--no-print-directory', 'lab'], { cwd: root, stdio: ['ignore', 2, 2] });
  else
    execFileSync('flock', ['dist/.lock', process.execPath, 'deploy/foreign-dist.mjs', NAMES[architecture]], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
}

export interface GuestProgram extends Bundle {
  /** Runs the first file. */
  readonly command: (args: readonly string[], flags?: readonly string[]) => readonly string[];
}

/** Bundles a program for a VM. `files`: below the root of the tree, first the program. */
export async function guestProgram(
  name: string,
  files: readonly [string, ...string[]],
  architecture: Architecture = 'amd64',
): Promise<GuestProgram> {
  const made = await bundle(name, files);
  const seen = join(root, distOf(architecture), relative('dist', made.folder));
  if (seen !== join(root, made.folder)) {
    rmSync(seen, { recursive: true, force: true });
    cpSync(join(root, made.folder), seen, { recursive: true });
  }
  const start = [nodeOf(architecture), '--enable-source-maps'];
  return { ...made, command: (args, flags = []) => [...start, ...flags, made.place(files[0]), ...args] };
}

interface GuestOptions extends Omit<VmOptions, 'onOutput'> {
  readonly say: (line: string) => void;
  /** Hears what the program prints, by lines; undefined: nobody does. */
  readonly onLine?: (line: string) => void;
  /** The words by which the program is started. */
  readonly command?: (program: GuestProgram) => readonly string[];
}

/** Builds what the lab needs, and runs a program of this tree on a kernel of the lab. Throws if it fails. */
export async function runGuest(
  series: string,
  file: string,
  args: readonly string[],
  { say, onLine, command = (program) => program.command(args), ...options }: GuestOptions,
): Promise<{ readonly kernel: Kernel; readonly output: string }> {
  const kernel = await provideKernel(series, say);
  buildFor('amd64');
  const program = await guestProgram(`${basename(file, '.ts')}-${series}`, [file]);
  const onOutput = onLine ? byLine(onLine) : () => {};
  const { status, output, console } = await runInVm(kernel, command(program), { ...options, onOutput });
  if (status !== 0)
    throw new Error(`${file} on Linux ${series} ended with status ${status}:\n${output}${console.slice(-2000)}`);
  return { kernel, output };
}

/** Output comes in pieces, some of a single character. */
function byLine(hear: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line.trimEnd());
  };
}
