// SPDX-License-Identifier: Apache-2.0
// The kernel itself, as it lies compressed in vmlinuz. An emulated CPU unpacks it in 3 s (zstd) to 9 s (xz), this CPU in half a second.
// QEMU starts it without a BIOS (PVH). Debian's vmlinuz of arm64 is not compressed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { guestArchive } from '../../bench/virtual-machine/guest-files.ts';
import { modulesOf } from '../../bench/virtual-machine/guest-kernel.ts';
import type { Kernel } from './kernels.ts';

/** Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". Bytes. */
const SETUP_SECTORS = 0x1f1;
const SECTOR = 512;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
/** The unpacked size follows the packed data, and is no part of it. */
const SIZE_BYTES = 4;
/** The most bytes of an unpacked kernel: four times what kernels have. */
const MOST_BYTES = 2 ** 28;

/** The tools that unpack, by the first bytes of what they packed. */
const TOOLS: Readonly<Record<string, string>> = { fd377a58: 'xz', '28b52ffd': 'zstd' };

/** Made once, beside vmlinuz. */
export async function vmlinuxOf(kernel: Kernel): Promise<string> {
  if (kernel.architecture === 'arm64') return join(kernel.directory, 'vmlinuz');
  const file = join(kernel.directory, 'vmlinux');
  if (!existsSync(file)) await unpack(join(kernel.directory, 'vmlinuz'), file);
  return file;
}

async function unpack(image: string, file: string): Promise<void> {
  const payload = payloadOf(await readFile(image));
  const tool = TOOLS[payload.toString('hex', 0, 4)];
  if (!tool) throw new Error(`${image} is compressed by something else than ${Object.values(TOOLS).join(' and ')}.`);
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, execFileSync(tool, ['-dc'], { input: payload, maxBuffer: MOST_BYTES }));
  await rename(partial, file);
}

function payloadOf(image: Buffer): Buffer {
  const start = (image.readUInt8(SETUP_SECTORS) + 1) * SECTOR + image.readUInt32LE(PAYLOAD_OFFSET);
  return image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH) - SIZE_BYTES);
}

const initFile = join(import.meta.dirname, 'vm-init.sh');
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

/** Made once for each kernel and version of vm-init.sh, beside the kernel. */
export async function initrdOf(kernel: Kernel): Promise<string> {
  const init = await readFile(initFile, 'utf8');
  const version = createHash('sha256').update(init).digest('hex');
  const file = join(kernel.directory, `initrd-${version.slice(0, 12)}.gz`);
  if (!existsSync(file)) await writeArchive(file, kernel, init, MODULES, [join(kernel.root ?? '/', 'bin/busybox')]);
  return file;
}

/** Writes `file`, whole or not at all. A module that is not there may be built into the kernel: else the guest says what it lacks. */
export async function writeArchive(
  file: string,
  kernel: Kernel,
  init: string,
  modules: readonly string[],
  programs: readonly string[],
): Promise<void> {
  const found = await modulesOf(kernel.directory, kernel.release, modules, () => {});
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, gzipSync(await guestArchive(init, found, programs), { level: 1 }));
  await rename(partial, file);
}
