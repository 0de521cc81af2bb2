// SPDX-License-Identifier: Apache-2.0
// A root file system of another architecture: Debian 13's packages, unpacked and not configured. Node and what tests call run without.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cachePath } from '../host/need.ts';
import { run } from '../host/run.ts';
import { type Architecture, debianSuite } from './apt.ts';

const SUITE = 'trixie';
/** What a system has at least; what a VM starts from; what tapscope and its tests call. */
const PACKAGES = [
  '?essential',
  'busybox-static',
  'kmod',
  'nodejs',
  'iproute2',
  'procps',
  'binutils',
  'xz-utils',
  'make',
];

/** Made once: it takes 100 MB to download. */
export async function foreignRoot(architecture: Architecture): Promise<string> {
  const version = createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 12);
  const kept = cachePath(`${SUITE}-${architecture}-${version}`);
  if (!existsSync(kept)) await make(architecture, kept);
  return kept;
}

async function make(architecture: Architecture, kept: string): Promise<void> {
  const fresh = `${kept}.${process.pid}`;
  const archives = `${fresh}.debs`;
  try {
    const suite = await debianSuite(SUITE, cachePath('kernels/apt'), architecture);
    const files = await suite.downloadWithNeeds(PACKAGES, archives);
    await mkdir(fresh);
    // base-files has the links from /bin and /lib to /usr, and is there before what lies behind them.
    for (const file of files.toSorted((a, b) => Number(isBase(b)) - Number(isBase(a))))
      await run('dpkg-deb', ['--extract', file, fresh]);
    // What base-passwd would do when it is configured.
    for (const name of ['passwd', 'group'])
      await copyFile(join(fresh, `usr/share/base-passwd/${name}.master`), join(fresh, 'etc', name));
    await rename(fresh, kept);
  } finally {
    for (const folder of [fresh, archives]) await rm(folder, { recursive: true, force: true });
  }
}

function isBase(file: string): boolean {
  return file.includes('/base-files_');
}
