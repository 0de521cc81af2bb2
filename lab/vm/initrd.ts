// SPDX-License-Identifier: Apache-2.0
// The small file system that a VM starts from: busybox, vm-init.sh and the modules that reach the host's root over 9p.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { guestArchive } from '../../bench/virtual-machine/guest-files.ts';
import { modulesOf } from '../../bench/virtual-machine/guest-kernel.ts';
import type { Kernel } from './kernels.ts';

const initFile = join(dirname(fileURLToPath(import.meta.url)), 'vm-init.sh');
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
