// SPDX-License-Identifier: Apache-2.0
// node deploy/foreign-dist.mjs ARCHITECTURE: what a VM of another architecture sees as dist/, in dist/ARCHITECTURE/guest: the program as the
// npm package for that architecture has it, and the programs of tests and the lab.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { crossWords } from './cross-build.mjs';
import { buildNpmPackage } from './npm.mjs';

const root = resolve(import.meta.dirname, '..');
const architecture = process.argv[2];
const output = join(root, 'dist', architecture);
const guest = join(output, 'guest');
const options = { stdio: ['ignore', 2, 2] };

for (const name of ['src', 'addon', 'bpf', 'bench']) rmSync(join(guest, name), { recursive: true, force: true });
mkdirSync(guest, { recursive: true });
if (!buildNpmPackage(root, output, architecture)) process.exit(1);
const tarball = readdirSync(output).find((name) => name.endsWith('.tgz'));
execFileSync('tar', ['-xzf', join(output, tarball), '-C', guest, '--strip-components=2', 'package/dist'], options);
for (const folder of ['test', 'lab'])
  execFileSync(
    'make',
    ['--silent', '-C', join(root, folder), `OUT=${guest}/${folder}`, ...crossWords(architecture)],
    options,
  );
