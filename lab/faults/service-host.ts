// SPDX-License-Identifier: Apache-2.0
// The package as built, installed in a Debian of its own under systemd: its two units with their sandboxes.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/kernel/package.ts';
import { finished } from '../../test/agent/serve-process.ts';
import { makeBareRoot, startInside } from '../../test/debian/bare-root.ts';
import { type BootedRoot, bootRoot } from '../../test/debian/booted-root.ts';
import { outerNetwork } from './own-host.ts';

const NEEDS = 'systemd libbpf1 libmnl0 libseccomp2';

export interface ServiceHost {
  readonly root: string;
  readonly booted: BootedRoot;
  /** Ends it, and removes it. */
  readonly leave: () => Promise<void>;
}

export async function bootService(folder: string): Promise<ServiceHost> {
  const root = mkdtempSync(join(folder, 'service-'));
  makeBareRoot(root);
  for (const path of [folder, root]) chmodSync(path, 0o711); // the units' users are not root
  // Nothing of it needs to survive a crash of this machine.
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/test'), 'force-unsafe-io\n');
  execFileSync('npm', ['run', 'deb'], { cwd: packageRoot(), stdio: 'pipe' });
  cpSync(join(packageRoot(), 'dist/deb'), join(root, 'mnt/deb'), { recursive: true });
  const install = `apt-get -q update && apt-get -q install -y --no-install-recommends ${NEEDS}`;
  const words = ['nsenter', `--net=${outerNetwork()}`, 'sh', '-c', install];
  const { code, stdout, stderr } = await finished(startInside(root, '/', 0, words));
  if (code !== 0) throw new Error(`${install}: ${stdout}${stderr}`);
  const booted = await bootRoot(root);
  const leave = async (): Promise<void> => {
    await booted.halt();
    rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await booted.inside('sh', '-c', 'dpkg -i /mnt/deb/*.deb');
  } catch (error) {
    await leave();
    throw error;
  }
  return { root, booted, leave };
}
