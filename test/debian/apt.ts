// SPDX-License-Identifier: Apache-2.0
// One Debian suite through apt with a private configuration: the machine's own sources and package state are not touched.
// Indexes are checked against Debian's keyring and packages against the indexes, by apt itself.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../host/run.ts';

/** As Debian names it. */
export type Architecture = 'amd64' | 'arm64';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

export interface Suite {
  /** The package of that name, in that version or the newest; undefined: the suite does not have it. */
  find(name: string, version?: string): Promise<Package | undefined>;
  /** The highest of the names that match, as versions sort. */
  newestName(pattern: string): Promise<string | undefined>;
  /** Returns the file that it wrote. */
  download(wanted: Package, into: string): Promise<string>;
  /** With all that they need, as if nothing were installed. Returns the files that it wrote. */
  downloadWithNeeds(names: readonly string[], into: string): Promise<readonly string[]>;
}

/** Refreshes the suite's index, kept under `state`. `others`: the suites that have what its packages need. */
export async function debianSuite(
  suite: string,
  state: string,
  architecture: Architecture = 'amd64',
  others: readonly string[] = [],
): Promise<Suite> {
  const name = [suite, ...others].join('+');
  const directory = join(state, architecture === 'amd64' ? name : `${name}-${architecture}`);
  for (const part of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(directory, part), { recursive: true });
  }
  const from = `deb [signed-by=${KEYRING}] ${await mirror(suite)}`;
  const sources = [suite, ...others].map((one) => `${from} ${one} main\n`);
  await writeFile(join(directory, 'sources.list'), sources.join(''));
  const options = aptOptions(directory, architecture);
  // apt does not wait for another apt that updates the same lists.
  const update = [directory, 'apt-get', ...options, '--error-on=any', 'update'];
  await apt(`read the index of Debian's ${name}`, 'flock', update);
  return {
    find: (name, version) => find(options, name, version),
    newestName: async (pattern) => {
      const { stdout } = await run('apt-cache', [...options, 'search', '--names-only', pattern]);
      const names = stdout.split('\n').flatMap((line) => line.split(' ')[0] || []);
      return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
    },
    download: async (wanted, into) => {
      const what = `${wanted.name}=${wanted.version}`;
      const { stdout } = await apt(`download ${what}`, 'apt-get', [...options, '--print-uris', 'download', what]);
      const file = /^'[^']*' (\S+) /m.exec(stdout)?.[1];
      if (!file) {
        throw new Error(`Cannot download ${what}: apt names no file for it.`);
      }
      await apt(`download ${what}`, 'apt-get', [...options, 'download', what], into);
      return join(into, file);
    },
    downloadWithNeeds: async (names, into) => {
      await mkdir(join(into, 'partial'), { recursive: true });
      const nothingInstalled = ['-o', 'Dir::State::status=/dev/null', '-o', `Dir::Cache::Archives=${into}`];
      const install = ['--no-install-recommends', '--yes', '--download-only', 'install', ...names];
      await apt(`download ${names.join(', ')}`, 'apt-get', [...options, ...nothingInstalled, ...install]);
      const files = await readdir(into);
      return files.filter((file) => file.endsWith('.deb')).map((file) => join(into, file));
    },
  };
}

/** Where this machine gets Debian from: behind a proxy or in a data centre that is the only place there is. Security fixes have a place of their own. */
async function mirror(suite: string): Promise<string> {
  const label = suite.endsWith('-security') ? 'Debian-Security' : 'Debian';
  const { stdout } = await apt("find this machine's Debian mirror", 'apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Origin: Debian',
    `Label: ${label}`,
  ]);
  const uri = stdout.split('\n')[0];
  if (!uri) {
    throw new NoMirror(
      `No mirror of ${suite} among the apt sources of this machine: the kernels of the lab come from Debian. ` +
        'Run apt-get update, or add one (deb http://deb.debian.org/debian stable main).',
    );
  }
  return uri;
}

function aptOptions(directory: string, architecture: Architecture): readonly string[] {
  return [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::Etc::sourcelist=${join(directory, 'sources.list')}`,
    'Dir::Etc::sourceparts=/dev/null',
    // The host's pins and preferences are about the host.
    'Dir::Etc::preferences=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State::lists=${join(directory, 'lists')}`,
    `Dir::Cache=${join(directory, 'cache')}`,
    'APT::Sandbox::User=root',
    'APT::Get::List-Cleanup=0',
  ]
    .flatMap((option) => ['-o', option])
    .concat('-qq');
}

async function find(options: readonly string[], name: string, version?: string): Promise<Package | undefined> {
  const wanted = version ? `${name}=${version}` : name;
  const shown = await run('apt-cache', [...options, '--no-all-versions', 'show', wanted]).catch(() => undefined);
  const field = (key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(shown?.stdout ?? '')?.[1];
  const found = { name, version: field('Version'), sha256: field('SHA256') };
  if (!found.version || !found.sha256 || (version && found.version !== version)) {
    return undefined;
  }
  return { name, version: found.version, sha256: found.sha256 };
}

/** Debian did not answer, or this machine does not ask it: nothing is wrong with what it has. */
export class NoMirror extends Error {}

async function apt(what: string, file: string, args: readonly string[], cwd?: string): Promise<{ stdout: string }> {
  try {
    return await run(file, args, { ...(cwd === undefined ? {} : { cwd }), maxBuffer: 1 << 26 });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const reason = text.trim().split('\n').slice(1, 4).join('; ') || text;
    throw new NoMirror(
      `Cannot ${what}: ${reason} Kernels in the cache need no mirror; for others run this again when it answers.`,
      { cause },
    );
  }
}
