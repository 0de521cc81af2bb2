// SPDX-License-Identifier: Apache-2.0
// The Helm chart as one file, with the rules that it links to: `helm install tapscope tapscope-chart-….tgz`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the path of the archive. */
export function buildChart(root, output) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const archive = join(output, `tapscope-chart-${version}.tgz`);
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'];
  const folder = join(root, 'deploy/kubernetes');
  const words = ['--dereference', '--use-compress-program=gzip -9n', '-C', folder, '-cf', archive, 'tapscope'];
  execFileSync('tar', [...plain, ...words]);
  return archive;
}

if (process.argv[1] === import.meta.filename) buildChart(join(import.meta.dirname, '..'), process.argv[2] ?? '.');
