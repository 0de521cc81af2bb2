// SPDX-License-Identifier: Apache-2.0
// Cross build for another architecture: the addon, by Debian's cross compiler against that architecture's libraries; the
// BPF objects; the traffic program. Nothing of the other architecture is installed here: its packages are unpacked into the cache.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { installMissing, searchPath } from './packages.mjs';

/** Debian's names, by Node's name of the architecture. */
const targets = { arm64: { debian: 'arm64', machine: 'aarch64', compiler: 'g++-aarch64-linux-gnu' } };

/** Architectures besides its own that this machine can build for. */
export const otherArchitectures = process.arch === 'x64' ? Object.keys(targets) : [];

/** Libraries of the addon. */
const needed = ['libbpf', 'libelf', 'libmnl', 'libseccomp', 'zlib1g'].map((name) => `${name}-dev`);
const shipped = ['libbpf1', 'libelf1', 'libmnl0', 'libseccomp2', 'zlib1g'];

/** Builds below dist/ARCHITECTURE; returns where, and the libraries to ship with it; undefined: it has said what the user must do. */
export function crossBuild(root, architecture) {
  const { debian, machine, compiler } = targets[architecture];
  const tool = (name) => `${machine}-linux-gnu-${name}`;
  const present = () => searchPath.split(':').some((folder) => hasFile(folder, tool('g++')));
  if (!installMissing([{ name: compiler, reason: `compiles for ${architecture}`, present }])) return undefined;
  const system = unpackedLibraries(debian);
  const folder = join('dist', architecture);
  const libraries = `${system}/usr/lib/${machine}-linux-gnu`;
  const search = `-I${system}/usr/include -I${system}/usr/include/${machine}-linux-gnu`;
  // The linker looks there for what the libraries need, too.
  const link = `-L${libraries} -Wl,-rpath-link,${libraries}:${system}/lib/${machine}-linux-gnu`;
  const env = {
    ...process.env,
    PKG_CONFIG_SYSROOT_DIR: system,
    PKG_CONFIG_LIBDIR: `${libraries}/pkgconfig`,
  };
  const make = (...words) =>
    execFileSync('make', ['--silent', '-j2', `-C${root}`, ...words], { env, stdio: ['ignore', 2, 2] });
  make('bpf', 'traffic', `DIST=${folder}`, ...crossWords(architecture));
  make('-Caddon', 'portable', `OUT=../${folder}/addon`, `CXX=${tool('g++')} ${search}`, `LDFLAGS=${link}`);
  return { folder, libraries: shipped.map((name) => librariesOf(system, name)) };
}

/** Variables of make for another architecture. */
export function crossWords(architecture) {
  const { machine } = targets[architecture];
  return [`MACHINE=${machine}`, `HEADERS=/usr/${machine}-linux-gnu/include`, `CC=${machine}-linux-gnu-gcc`];
}

function hasFile(folder, name) {
  try {
    return readdirSync(folder).includes(name);
  } catch {
    return false;
  }
}

/** apt with lists and a cache of its own: this machine's dpkg hears nothing of the other architecture. */
function unpackedLibraries(architecture) {
  const kept = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tapscope', `libraries-${architecture}`);
  if (hasFile(kept, 'packages')) return kept;
  const fresh = `${kept}.${process.pid}`;
  const packages = join(fresh, 'packages');
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(packages, folder), { recursive: true });
  const settings = [
    ...[`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`, 'APT::Sandbox::User=root'],
    ...[`Dir::State::lists=${packages}/lists`, `Dir::Cache::archives=${packages}/archives`],
    ...['Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache=', 'Dir::State::status=/dev/null'],
  ];
  const options = ['-q', ...settings.map((one) => `-o${one}`)];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    for (const words of [['update'], ['download', ...needed, ...shipped]])
      execFileSync('apt-get', [...options, ...words], { cwd: packages, env, stdio: ['ignore', 2, 2] });
    for (const file of archives(packages)) execFileSync('dpkg-deb', ['--extract', file, fresh]);
    for (const folder of ['lists', 'archives']) rmSync(join(packages, folder), { recursive: true });
    renameSync(fresh, kept);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return kept;
}

function archives(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.deb'))
    .map((file) => join(folder, file));
}

/** The library of a Debian package as the loader looks for it, and the package's version. */
function librariesOf(system, name) {
  const file = archives(join(system, 'packages')).find((path) => path.includes(`/${name}_`));
  const fields = (field) => execFileSync('dpkg-deb', ['--field', file, field], { encoding: 'utf8' }).trim();
  const paths = execFileSync('dpkg-deb', ['--contents', file], { encoding: 'utf8' });
  const path = /\.(\/\S+\.so\.\d+) -> /.exec(paths)?.[1];
  return {
    name,
    version: fields('Version'),
    path: join(system, path),
    copyright: join(system, 'usr/share/doc', name, 'copyright'),
  };
}
