// SPDX-License-Identifier: Apache-2.0
// A folder with its DEBIAN/ → a .deb: fields, checksums, modes, and the libraries that its programs are linked with.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** Debian's own variables, for those who publish a build. */
export const maintainer = `${process.env.DEBFULLNAME ?? 'The authors of tapscope'} <${process.env.DEBEMAIL ?? 'tapscope@localhost'}>`;

/** Builds the package and takes the folder away; returns the path of the .deb. */
export function buildPackage(stage, output, fields) {
  const architecture = answer('dpkg', ['--print-architecture']);
  setModes(stage);
  const files = listFiles(stage).filter((file) => !file.startsWith('DEBIAN/'));
  const bytes = files.reduce((sum, file) => sum + statSync(join(stage, file)).size, 0);
  const all = {
    ...fields,
    Architecture: architecture,
    Maintainer: maintainer,
    Priority: 'optional',
    'Installed-Size': Math.ceil(bytes / 1024),
  };
  const control = Object.entries(all).map(([name, value]) => `${name}: ${value}\n`);
  mkdirSync(join(stage, 'DEBIAN'), { recursive: true });
  writeFileSync(join(stage, 'DEBIAN/control'), control.join(''));
  writeFileSync(join(stage, 'DEBIAN/md5sums'), files.map((file) => `${md5(join(stage, file))}  ${file}\n`).join(''));
  const deb = join(output, `${fields.Package}_${fields.Version}_${architecture}.deb`);
  // Debian's own compression. The default level, 6, takes a minute for Node and saves a twentieth.
  answer('dpkg-deb', ['--root-owner-group', '-Zxz', '-z3', '--build', stage, deb], undefined, {
    SOURCE_DATE_EPOCH: sourceDate(),
  });
  rmSync(stage, { recursive: true });
  return deb;
}

/** Debian packages, with versions, of the libraries that programs and addons are linked with. */
export function sharedLibraries(...files) {
  // dpkg-shlibdeps must run in a source package.
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-shlibs-'));
  try {
    mkdirSync(join(folder, 'debian'));
    writeFileSync(join(folder, 'debian/control'), 'Source: tapscope\n\nPackage: tapscope\nArchitecture: any\n');
    const line = answer('dpkg-shlibdeps', ['-O', '--warnings=0', ...files], folder);
    return line.replace(/^shlibs:Depends=/, '').split(', ');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The mode follows from what a file is: the builder's umask and the mode in an npm package do not count. */
function setModes(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) setModes(path);
    else chmodSync(path, isProgram(path) ? 0o755 : 0o644);
  }
}

function isProgram(path) {
  if (/\.(node|o)$/.test(path)) return false;
  const begin = readFileSync(path).subarray(0, 4).toString('latin1');
  return begin.startsWith('#!') || begin === '\x7fELF';
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function md5(path) {
  return createHash('md5').update(readFileSync(path)).digest('hex');
}

/** The time of the commit that is packed: the same commit gives the same package, bit by bit. */
function sourceDate() {
  try {
    return process.env.SOURCE_DATE_EPOCH || answer('git', ['log', '-1', '--format=%ct'], import.meta.dirname);
  } catch {
    return '1767225600'; // no repository, in the build of the image: 2026
  }
}

function answer(program, args, cwd, more) {
  const env = { ...process.env, ...more };
  return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
