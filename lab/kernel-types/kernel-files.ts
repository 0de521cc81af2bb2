// SPDX-License-Identifier: Apache-2.0
// Where the types of a kernel are: one of the lab by its series, a vmlinux, or what /sys/kernel/btf has.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { modulesOf } from '../../bench/virtual-machine/guest-kernel.ts';
import type { Scope } from '../../test/host/scope.ts';
import { vmlinuxOf } from '../vm/images.ts';
import { provideKernel } from '../vm/kernels.ts';
import { lockedKernels } from '../vm/series.ts';
import { type BtfType, KernelTypes } from './kernel-types.ts';

/** Modules with types that programs read or functions that they attach to. */
const MODULES = [
  'tun',
  'tap',
  'macvlan',
  'ipvlan',
  'macvtap',
  'ipvtap',
  'vhost',
  'vhost_net',
  'bridge',
  'nf_conntrack',
];
const MOST_BYTES = 2 ** 29;

export interface TypedKernel {
  readonly name: string;
  /** What bpftool reads the kernel's own types from. */
  readonly file: string;
  readonly types: KernelTypes;
}

/** `word`: a series of the lab (7.3), a vmlinux with lib/modules beside it, or types with those of modules in the same folder. */
export async function readKernel(word: string, t: Scope): Promise<TypedKernel> {
  const series = lockedKernels().map((kernel) => kernel.series);
  if (series.includes(word)) {
    const kernel = await provideKernel(word, (line) => console.error(line));
    if (kernel.architecture !== 'amd64')
      throw new Error(
        `${word} is of ${kernel.architecture}, whose vmlinux the lab does not have: name a file of its types.`,
      );
    const modules = await unpackedModules(kernel.directory, kernel.release, t);
    return typedKernel(`Linux ${kernel.release}`, await vmlinuxOf(kernel), modules);
  }
  if (!statSync(word, { throwIfNoEntry: false })?.isFile())
    throw new Error(`${word} is neither a series of the lab (${series.join(', ')}) nor a file of a kernel.`);
  const folder = join(dirname(word), 'lib/modules');
  const [release] = existsSync(folder) ? readdirSync(folder) : [];
  const beside = MODULES.map((name) => join(dirname(word), name)).filter((file) => existsSync(file));
  return typedKernel(word, word, release === undefined ? beside : await unpackedModules(dirname(word), release, t));
}

async function unpackedModules(root: string, release: string, t: Scope): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-types-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const images = await modulesOf(root, release, MODULES, () => {});
  return images.map((image, index) => {
    const file = join(folder, `${index}.ko`);
    writeFileSync(file, image);
    return file;
  });
}

function typedKernel(name: string, file: string, modules: readonly string[]): TypedKernel {
  const ofModules = modules.map((module) => dumped(module, ['--base-btf', file]));
  return { name, file, types: new KernelTypes(dumped(file, []), ofModules) };
}

function dumped(file: string, flags: readonly string[]): readonly BtfType[] {
  const words = ['--json', ...flags, 'btf', 'dump', 'file', file];
  try {
    const json = execFileSync('bpftool', words, {
      encoding: 'utf8',
      maxBuffer: MOST_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return JSON.parse(json).types;
  } catch (cause) {
    throw new Error(
      `${file} has no types that bpftool can read: name a vmlinux, or a file as /sys/kernel/btf/vmlinux.`,
      {
        cause,
      },
    );
  }
}
