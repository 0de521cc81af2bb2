// SPDX-License-Identifier: Apache-2.0
// node lab/vm/foreign-dist.mjs ARCHITECTURE: what a VM of another architecture sees as dist/, in dist/ARCHITECTURE/guest: the program as the
// npm package for that architecture has it, and the lab's own programs.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { crossWords } from '../../deploy/cross-build.mjs';
import { buildNpmPackage } from '../../deploy/npm.mjs';

const root = resolve(import.meta.dirname, '../..');
const architecture = process.argv[2];
const output = join(root, 'dist', architecture);
const guest = join(output, 'guest');
const options = { stdio: ['ignore', 2, 2] };

for (const name of ['src', 'addon', 'bpf', 'bench']) rmSync(join(guest, name), { recursive: true, force: true });
mkdirSync(guest, { recursive: true });
if (!buildNpmPackage(root, output, architecture)) process.exit(1);
const tarball = readdirSync(output).find((name) => name.endsWith('.tgz'));
execFileSync('tar', ['-xzf', join(output, tarball), '-C', guest, '--strip-components=2', 'package/dist'], options);
execFileSync('make', ['--silent', '-C', join(root, 'lab'), `OUT=${guest}/lab`, ...crossWords(architecture)], options);
