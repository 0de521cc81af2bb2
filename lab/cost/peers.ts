// SPDX-License-Identifier: Apache-2.0
// Tools of today that this machine's Debian does not have: bpftrace of Debian's newest suite with its libraries, and ebpf_exporter from
// the Go module proxy. The latter runs its own example that counts drops. Both come into the cache once; VMs see them there.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianSuite } from '../../test/debian/apt.ts';
import { parseJson, textAt } from '../../test/host/checked-json.ts';
import { cachePath, withGoSource } from '../../test/host/need.ts';
import { run } from '../../test/host/run.ts';

const PEERS = cachePath('peers');
const SUITE = 'sid';
const MODULE = 'github.com/cloudflare/ebpf_exporter/v2';
/** The proxy does not tell which version is the newest. */
const MODULE_VERSION = 'v2.5.1';
const EXAMPLE = 'kfree_skb';
/** What is written last. */
const VERSIONS = join(PEERS, 'versions.json');

export const NEWEST_BPFTRACE: readonly string[] = [join(PEERS, 'bpftrace')];
export const REAL_EXPORTER: readonly string[] = [
  join(PEERS, 'ebpf_exporter'),
  `--config.dir=${PEERS}`,
  `--config.names=${EXAMPLE}`,
  '--web.listen-address=:9435',
];

/** Without the folder of this machine's cache. */
export function shownWord(word: string): string {
  return word.replace(`${PEERS}/`, '').replace(PEERS, 'examples');
}

/** Versions by the package's name in tools.ts; empty while nothing is in the cache. */
export function peerVersions(): Readonly<Record<string, string>> {
  if (!existsSync(VERSIONS)) return {};
  const file = parseJson(readFileSync(VERSIONS, 'utf8'));
  return { 'newest bpftrace': textAt(file, 'bpftrace'), ebpf_exporter: textAt(file, 'ebpf_exporter') };
}

export async function providePeers(say: (line: string) => void): Promise<void> {
  if (existsSync(VERSIONS)) return;
  const root = join(PEERS, SUITE);
  await rm(PEERS, { recursive: true, force: true });
  await mkdir(join(root, 'packages'), { recursive: true });
  for (const folder of ['lib', 'lib64']) await symlink(`usr/${folder}`, join(root, folder));
  say(`tools: bpftrace of Debian's ${SUITE}`);
  const suite = await debianSuite(SUITE, cachePath('kernels/apt'));
  const packages = await suite.downloadWithNeeds(['bpftrace', 'libbpf-dev'], join(root, 'packages'));
  for (const file of packages) await run('dpkg-deb', ['--extract', file, root]);
  await rm(join(root, 'packages'), { recursive: true });
  await writeWrapper('bpftrace', join(root, 'usr/bin/bpftrace'));
  say(`tools: ebpf_exporter ${MODULE_VERSION}`);
  await buildExporter(root);
  await writeWrapper('ebpf_exporter', join(PEERS, 'ebpf_exporter.bin'));
  const bpftrace = (await suite.find('bpftrace'))?.version ?? '';
  await writeFile(VERSIONS, JSON.stringify({ bpftrace, ebpf_exporter: MODULE_VERSION }));
}

const librariesIn = (root: string): string => join(root, 'usr/lib/x86_64-linux-gnu');

/** Runs a program with the libraries of that suite, which need its own loader. */
async function writeWrapper(name: string, program: string): Promise<void> {
  const root = join(PEERS, SUITE);
  const loader = `${root}/lib64/ld-linux-x86-64.so.2 --library-path ${librariesIn(root)}`;
  await writeFile(join(PEERS, name), `#!/bin/sh\nexec ${loader} ${program} "$@"\n`, { mode: 0o755 });
}

/** Builds it as its own Makefile does, but with the headers and libraries of that suite: Debian 12's libbpf is too old for it. */
async function buildExporter(root: string): Promise<void> {
  await withGoSource(MODULE, MODULE_VERSION, async (copy) => {
    const env = {
      ...process.env,
      GOFLAGS: '-buildvcs=false',
      CGO_ENABLED: '1',
      CGO_CFLAGS: `--sysroot=${root} -O2`,
      CGO_LDFLAGS: '-lbpf',
    };
    const linker = `-linkmode=external '-extldflags=--sysroot=${root} -B${librariesIn(root)} -L${librariesIn(root)}'`;
    const words = ['go', 'build', '-p', '2', '-ldflags', linker, '-o', join(PEERS, 'ebpf_exporter.bin')];
    await run('nice', [...words, './cmd/ebpf_exporter'], { cwd: copy, env, maxBuffer: 1 << 24 });
    const examples = join(copy, 'examples');
    const includes = ['-idirafter', '/usr/include/x86_64-linux-gnu', '-I../include/x86', `-I${root}/usr/include`];
    const flags = ['-target', 'bpf', '-mcpu=v3', '-g', '-O2', '-D__TARGET_ARCH_x86', ...includes];
    await run('clang', [...flags, '-c', `${EXAMPLE}.bpf.c`, '-o', `${EXAMPLE}.bpf.o`], { cwd: examples });
    for (const file of [`${EXAMPLE}.bpf.o`, `${EXAMPLE}.yaml`]) await rename(join(examples, file), join(PEERS, file));
  });
}
