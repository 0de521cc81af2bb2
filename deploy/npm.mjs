// SPDX-License-Identifier: Apache-2.0
// The npm package, in dist/npm: built, with the libraries of its addon, so that `npm install -g tapscope-….tgz` compiles and downloads nothing.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { copyModule, productionModules } from './modules.mjs';

/** What the addon is linked with and Debian's smallest system lacks; the C and C++ libraries are the host's, for Node needs them too. */
const shipped = /\/(lib(?:bpf|elf|mnl|seccomp|z)\.so\.\d+)$/;
const files = {
  'dist/src': 'dist/src',
  'dist/bpf/tapscope.bpf.o': 'dist/bpf/tapscope.bpf.o',
  'dist/bpf/follow.bpf.o': 'dist/bpf/follow.bpf.o',
  'dist/addon/portable/tapscope.node': 'dist/addon/tapscope.node',
  'dist/traffic/traffic': 'dist/traffic/traffic',
  'deploy/launch.mjs': 'deploy/launch.mjs',
  'deploy/tapscope.service': 'deploy/tapscope.service',
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

/** Returns the path of the tarball, and what is in it of others. */
export function buildNpmPackage(root, output) {
  execFileSync('make', ['--silent', '-C', join(root, 'addon'), 'portable'], { stdio: ['ignore', 2, 2] });
  const stage = join(output, 'package');
  rmSync(stage, { recursive: true, force: true });
  for (const [from, to] of Object.entries(files))
    cpSync(join(root, from), join(stage, to), {
      recursive: true,
      dereference: true,
      filter: (file) => !/\/\.built/.test(file),
    });
  const libraries = copyLibraries(join(root, 'dist/addon/portable/tapscope.node'), stage);
  const modules = copyModules(root, stage);
  writeDescription(root, stage, modules);
  const others = [...modules, ...libraries].map(({ name, version, license }) => ({ name, version, license }));
  writeFileSync(join(stage, 'licences/README.md'), licenceList(others));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tarball = join(output, `tapscope-${version}-linux-${process.arch}.tgz`);
  pack(stage, tarball);
  rmSync(stage, { recursive: true });
  return { tarball, libraries };
}

/** Each as the loader finds it, with the copyright file of its Debian package. */
function copyLibraries(addon, stage) {
  const found = [...answer('ldd', addon).matchAll(/=> (\/\S+) /g)].map(([, path]) => path);
  return found
    .filter((path) => shipped.test(path))
    .map((path) => {
      const name = basename(path);
      cpSync(realpathSync(path), join(stage, 'dist/addon/lib', name));
      const owner = ownerOf(path);
      const version = answer('dpkg-query', '-W', '-f', versionField, owner);
      const debian = owner.split(':')[0];
      mkdirSync(join(stage, 'licences', debian), { recursive: true });
      cpSync(realpathSync(`/usr/share/doc/${debian}/copyright`), join(stage, 'licences', debian, 'copyright'));
      return { name: debian, version, license: licenceOf[debian] ?? `see ${debian}/copyright`, isLibrary: true };
    });
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
      // It lies under the other name.
    }
  throw new Error(`No Debian package has ${path}.`);
}

/** What is in the bundle leaves its licence; what is not comes with it, without an install script and without what it would compile. */
function copyModules(root, stage) {
  const modules = productionModules(root);
  const foreign = /\/prebuilds\/(?!linux-)|\/(binding\.gyp|src)(\/|$)|musl/;
  for (const { path, name, isWhole } of modules) {
    copyModule(root, path, join(stage, 'licences', name), false);
    if (!isWhole || name === 'node-addon-api') continue; // headers alone
    copyModule(root, path, join(stage, path), true, (file) => !foreign.test(file.slice(join(root, path).length)));
    const description = JSON.parse(readFileSync(join(stage, path, 'package.json'), 'utf8'));
    const { scripts, gypfile, dependencies, devDependencies, ...rest } = description;
    writeFileSync(join(stage, path, 'package.json'), `${JSON.stringify(rest, null, 2)}\n`);
  }
  return modules;
}

function writeDescription(root, stage, modules) {
  const { name, version, description, license, type, bin, engines } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const bundled = modules.filter((one) => one.isWhole && one.name !== 'node-addon-api');
  const own = {
    ...{ name, version, description, license, type, bin, engines },
    os: ['linux'],
    cpu: [process.arch],
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
