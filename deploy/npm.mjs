// SPDX-License-Identifier: Apache-2.0
// The npm package, in dist/npm: built, with the libraries of its addon, so that `npm install -g tapscope-….tgz` compiles and downloads nothing.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crossBuild } from './cross-build.mjs';
import { copyLicence, copyModule, productionModules } from './modules.mjs';
import { keepShippedBytecode } from './runtime.mjs';

/** Libraries of the addon that Debian's smallest system lacks. The C and C++ libraries are the host's: Node needs them too. */
const shipped = /\/(lib(?:bpf|elf|mnl|seccomp|z)\.so\.\d+)$/;
/** Files that are compiled for one architecture, by their path below the folder of its build. */
const compiled = {
  'bpf/tapscope.bpf.o': 'dist/bpf/tapscope.bpf.o',
  'bpf/follow.bpf.o': 'dist/bpf/follow.bpf.o',
  'bpf/frames.bpf.o': 'dist/bpf/frames.bpf.o',
  'bpf/ways.bpf.o': 'dist/bpf/ways.bpf.o',
  'addon/portable/tapscope.node': 'dist/addon/tapscope.node',
  'bench/traffic': 'dist/bench/traffic',
};
const files = {
  'dist/src': 'dist/src',
  'dist/bench/main.cjs': 'dist/bench/main.cjs',
  'deploy/tapscope': 'deploy/tapscope',
  'deploy/raise.sh': 'deploy/raise.sh',
  'deploy/launch.mjs': 'deploy/launch.mjs',
  'deploy/tapscope.service': 'deploy/tapscope.service',
  'deploy/tapscope-serving.socket': 'deploy/tapscope-serving.socket',
  'deploy/tapscope-serving@.service': 'deploy/tapscope-serving@.service',
  'deploy/prometheus': 'deploy/prometheus',
  'deploy/alertmanager': 'deploy/alertmanager',
  'dashboards/json': 'dashboards/json',
  'dashboards/rules': 'dashboards/rules',
  'docs/rules.md': 'docs/rules.md',
  'docs/runbooks': 'docs/runbooks',
  'docs/schema': 'docs/schema',
  'bpf/LICENSE': 'bpf/LICENSE',
  'bpf/LICENSE.GPL-2.0': 'bpf/LICENSE.GPL-2.0',
  LICENSE: 'LICENSE',
  'README.md': 'README.md',
  'CHANGELOG.md': 'CHANGELOG.md',
};

/** Returns the libraries that it brings, or undefined where it could not be built and has said why. */
export function buildNpmPackage(root, output, architecture = process.arch) {
  const build = architecture === process.arch ? ownBuild(root) : crossBuild(root, architecture);
  if (!build) return undefined;
  const stage = join(output, 'package');
  rmSync(stage, { recursive: true, force: true });
  const objects = Object.entries(compiled).map(([from, to]) => [join(build.folder, from), to]);
  for (const [from, to] of [...Object.entries(files), ...objects])
    cpSync(join(root, from), join(stage, to), {
      recursive: true,
      dereference: true,
      filter: (file) => !/\/\.built|\.bytecode$/.test(file),
    });
  if (architecture === process.arch) keepShippedBytecode(join(stage, 'dist/src'));
  copyLibraries(build.libraries, stage);
  const modules = copyModules(root, stage, architecture);
  writeDescription(root, stage, modules, architecture);
  const libraries = build.libraries.map(({ name, version }) => ({
    ...{ name, version, architecture },
    license: licenceOf[name] ?? `see ${name}/copyright`,
  }));
  const others = [...modules, ...libraries].map(({ name, version, license }) => ({ name, version, license }));
  writeFileSync(join(stage, 'licences/README.md'), licenceList(others));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  pack(stage, join(output, `tapscope-${version}-linux-${architecture}.tgz`));
  rmSync(stage, { recursive: true });
  return libraries;
}

/** Copies each library to where the loader finds it, with the copyright file of its Debian package. */
function copyLibraries(libraries, stage) {
  for (const { name, path, copyright } of libraries) {
    cpSync(realpathSync(path), join(stage, 'dist/addon/lib', basename(path)));
    mkdirSync(join(stage, 'licences', name), { recursive: true });
    cpSync(realpathSync(copyright), join(stage, 'licences', name, 'copyright'));
  }
}

/** This machine's own build, with the libraries that it is linked with here. */
function ownBuild(root) {
  execFileSync('make', ['--silent', '-C', join(root, 'addon'), 'portable'], { stdio: ['ignore', 2, 2] });
  const addon = join(root, 'dist/addon/portable/tapscope.node');
  const found = [...answer('ldd', addon).matchAll(/=> (\/\S+) /g)].map(([, path]) => path);
  const libraries = found
    .filter((path) => shipped.test(path))
    .map((path) => {
      const owner = ownerOf(path);
      const name = owner.split(':')[0];
      const version = answer('dpkg-query', '-W', '-f', versionField, owner);
      return { name, version, path, copyright: `/usr/share/doc/${name}/copyright` };
    });
  return { folder: 'dist', libraries };
}

const versionField = ['$', '{Version}'].join(''); // dpkg's, not ours
const licenceOf = {
  libbpf1: 'LGPL-2.1-only OR BSD-2-Clause',
  libelf1: 'GPL-2.0-or-later OR LGPL-3.0-or-later',
  libmnl0: 'LGPL-2.1-or-later',
  libseccomp2: 'LGPL-2.1-only',
  zlib1g: 'Zlib',
};

/** /lib is a link to /usr/lib on merged systems, and dpkg may know either. */
function ownerOf(path) {
  for (const one of [path, realpathSync(path), path.replace(/^\/usr/, '')])
    try {
      return answer('dpkg-query', '--search', one).split('\n')[0].split(': ')[0];
    } catch {
      // dpkg knows the file under another name.
    }
  throw new Error(`No Debian package has ${path}.`);
}

/** Copies the licences of bundled packages, and whole packages without their install scripts and what these would compile. */
function copyModules(root, stage, architecture) {
  const modules = productionModules(root);
  for (const { path, name, isWhole } of modules) {
    copyLicence(root, path, join(stage, 'licences', name));
    if (!isWhole) continue;
    copyModule(root, path, join(stage, path), architecture);
    const description = JSON.parse(readFileSync(join(stage, path, 'package.json'), 'utf8'));
    const { scripts, gypfile, bin, dependencies, devDependencies, ...rest } = description;
    writeFileSync(join(stage, path, 'package.json'), `${JSON.stringify(rest, null, 2)}\n`);
  }
  return modules;
}

function writeDescription(root, stage, modules, architecture) {
  const { name, version, description, license, type, engines } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const bundled = modules.filter(({ isWhole }) => isWhole);
  const own = {
    ...{ name, version, description, license, type, engines },
    bin: { tapscope: 'deploy/tapscope' },
    os: ['linux'],
    cpu: [architecture],
    libc: ['glibc'],
    dependencies: Object.fromEntries(bundled.map((one) => [one.name, one.version])),
    bundleDependencies: bundled.map((one) => one.name),
  };
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
}

function licenceList(others) {
  const rows = others.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`).sort();
  return [
    '# Licences of what comes with tapscope',
    '',
    'tapscope itself: Apache-2.0; its BPF programs: GPL-2.0-only OR BSD-2-Clause. The texts lie beside this file, one folder each.',
    '',
    '| part | version | licence |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** The same bytes for the same files: no clock, no user, no umask. */
function pack(stage, tarball) {
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'];
  execFileSync('tar', [
    ...plain,
    '--use-compress-program=gzip -9n',
    '-C',
    join(stage, '..'),
    '-cf',
    tarball,
    'package',
  ]);
}

function answer(program, ...args) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
