// SPDX-License-Identifier: Apache-2.0
// The small file system that a VM starts from: busybox, vm-init.sh and the modules that reach the host's root over 9p.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Kernel } from './kernels.ts';

const run = promisify(execFile);
const initFile = join(dirname(fileURLToPath(import.meta.url)), 'vm-init.sh');
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const DECOMPRESS: Readonly<Record<string, string>> = { xz: 'xz', zst: 'zstd', gz: 'gzip' };

/** Made once for each kernel and version of vm-init.sh, beside the kernel. */
export async function initrdOf(kernel: Kernel): Promise<string> {
  const version = createHash('sha256')
    .update(await readFile(initFile))
    .digest('hex');
  const file = join(kernel.directory, `initrd-${version.slice(0, 12)}.gz`);
  if (!existsSync(file)) {
    await build(kernel, file);
  }
  return file;
}

async function build(kernel: Kernel, file: string): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'tapscope-initrd-'));
  try {
    for (const directory of ['bin', 'modules', 'proc', 'sys', 'dev']) {
      await mkdir(join(root, directory));
    }
    await copyFile(join(kernel.root ?? '/', 'bin/busybox'), join(root, 'bin/busybox'));
    await writeFile(join(root, 'init'), await readFile(initFile), { mode: 0o755 });
    await addModules(kernel, join(root, 'modules'));
    const partial = `${file}.${process.pid}`;
    await run('sh', ['-c', 'cd "$1" && find . | cpio -o -H newc --quiet | gzip -1 >"$2"', 'sh', root, partial]);
    await rename(partial, file);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Numbered in the order in which they have to be inserted. */
async function addModules(kernel: Kernel, into: string): Promise<void> {
  const files = new Set<string>();
  for (const module of MODULES) {
    const query = ['-d', kernel.directory, '-S', kernel.release, '--show-depends', module];
    // Not found: built into this kernel. If it is not, vm-init.sh says what it cannot mount.
    const { stdout } = await run('modprobe', query).catch(() => ({ stdout: '' }));
    for (const [, path] of stdout.matchAll(/^insmod (\S+)/gm)) {
      files.add(path ?? '');
    }
  }
  for (const [index, path] of [...files].entries()) {
    const target = join(into, `${String(index).padStart(2, '0')}.ko`);
    const tool = DECOMPRESS[path.split('.').at(-1) ?? ''];
    await (tool ? run('sh', ['-c', `${tool} -dc "$1" >"$2"`, 'sh', path, target]) : copyFile(path, target));
  }
}
