// SPDX-License-Identifier: Apache-2.0
// The kernel of a guest in QEMU: the host's own, another of /boot, or a file that was named; and the modules that virtio-net needs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { lacking, outputOf, programPath } from './host-program.ts';

export interface GuestKernel {
  readonly file: string;
  readonly release: string;
  /** As insmod takes them, in this order. */
  readonly modules: readonly Uint8Array[];
}

const MODULES = ['virtio_pci', 'virtio_net'];
/** Documentation/arch/x86/boot.rst: "HdrS" at 0x202; at 0x20e the place of the version, from 0x200 on. */
const BOOT_MAGIC = 0x202;
const BOOT_VERSION = 0x20e;
const BOOT_START = 0x200;
const UNPACK: Readonly<Record<string, readonly [program: string, packageName: string]>> = {
  xz: ['xz', 'xz-utils'],
  zst: ['zstd', 'zstd'],
};

/** Code PROGRAM: there is none, or its modules are not here. */
export async function findGuestKernel(named: string | undefined): Promise<GuestKernel> {
  const file = named ?? kernelOfHost();
  if (!existsSync(file)) throw lacking(`${file} is not there: --guest-kernel takes the file of a kernel`);
  const version = releaseOf(file);
  const root = ['/', dirname(file), dirname(dirname(file))].find((folder) =>
    existsSync(join(folder, 'lib/modules', version)),
  );
  if (root === undefined) throw lacking(`the guest's kernel ${version} has no modules here: apt install linux-image`);
  const modules = await modulesOf(root, version, MODULES, (name, cause) => {
    throw lacking(`the guest's kernel ${version} has no module ${name}`, cause);
  });
  return { file, release: version, modules };
}

function kernelOfHost(): string {
  const own = `/boot/vmlinuz-${release()}`;
  if (existsSync(own)) return own;
  const others = existsSync('/boot') ? readdirSync('/boot').filter((name) => name.startsWith('vmlinuz-')) : [];
  const newest = others.sort(new Intl.Collator('en', { numeric: true }).compare).at(-1);
  if (newest === undefined)
    throw lacking('this host has no kernel for a guest: apt install linux-image-amd64, or name one by --guest-kernel');
  return join('/boot', newest);
}

/** By the name that distributions give it, else by the kernel's own text. */
function releaseOf(file: string): string {
  const [, named] = /^vmlinu[xz]-(.+)$/.exec(basename(file)) ?? [];
  if (named !== undefined) return named;
  const image = readFileSync(file);
  const text =
    image.toString('latin1', BOOT_MAGIC, BOOT_MAGIC + 4) === 'HdrS'
      ? textAt(image, BOOT_START + image.readUInt16LE(BOOT_VERSION))
      : textAt(image, image.indexOf('Linux version ') + 'Linux version '.length);
  const [found = ''] = /^[\w.+~-]+/.exec(text) ?? [];
  if (!/^\d+\.\d+/.test(found)) throw lacking(`${file} is no kernel that a guest can start`);
  return found;
}

function textAt(image: Buffer, offset: number): string {
  return image.toString('latin1', offset, offset + 128);
}

/**
 * These modules and those that they need, as insmod takes them, in this order. One that is built in has no file; `lacks` hears of one that
 * this kernel does not have at all.
 */
export async function modulesOf(
  root: string,
  version: string,
  names: readonly string[],
  lacks: (name: string, cause: unknown) => void,
): Promise<readonly Uint8Array[]> {
  const modprobe = programPath('modprobe', 'kmod');
  const files = new Set<string>();
  for (const name of names) {
    const words = ['-d', root, '-S', version, '--show-depends', name];
    const lines = await outputOf(modprobe, words).catch((cause: unknown) => lacks(name, cause));
    for (const [, path = ''] of String(lines ?? '').matchAll(/^insmod (\S+)/gm)) files.add(path);
  }
  return Promise.all([...files].map(unpacked));
}

async function unpacked(file: string): Promise<Uint8Array> {
  const ending = file.split('.').at(-1) ?? '';
  if (ending === 'gz') return gunzipSync(readFileSync(file));
  const tool = UNPACK[ending];
  return tool ? outputOf(programPath(...tool), ['-dc', file]) : readFileSync(file);
}
