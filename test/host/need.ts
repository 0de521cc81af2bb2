// SPDX-License-Identifier: Apache-2.0
// What a program needs on this machine, and how it comes there. What cannot come is a reason to skip the program by name.
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseJson, textAt } from './checked-json.ts';
import { run } from './run.ts';

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
export const BUILT = cachePath('programs/bin');
/** gVisor and headscale take a quarter of an hour on two slow cores. */
const BUILD_LIMIT_MS = 1_800_000;

/** One whose go.mod has `replace`, which `go install` refuses: its source is copied out of the module cache and built there. */
interface Replacing {
  readonly module: string;
  readonly version: string;
  readonly main: string;
  /** The build tags of its own Makefile. */
  readonly tags?: string;
  readonly ldflags?: string;
  /** Version of what `replace` takes from folders of its repository: they are modules too, so that the proxy leaves them out of this one. */
  readonly published?: string;
  readonly file: string;
}

/** A Debian package by a file that it brings (deploy/packages.mjs installs it), or a Go program by its module. */
export type Need =
  | { readonly debian: string; readonly file: string }
  | Replacing
  | { readonly go: string; readonly file: string; readonly builtAs: string };

export const HELM: Need = { go: 'helm.sh/helm/v3/cmd/helm@v3.19.5', builtAs: 'helm', file: 'helm' };
export const IPERF: Need = { debian: 'iperf3', file: 'iperf3' };
/** Debian's converts no classic histograms to native ones. */
export const NEWEST_PROMETHEUS: Need = {
  module: 'github.com/prometheus/prometheus',
  version: 'v0.316.0',
  main: './cmd/prometheus',
  tags: 'remove_all_sd',
  file: 'prometheus-3.16',
};
export const SOCAT: Need = { debian: 'socat', file: 'socat' };

/** Where a program of the lab is; undefined: it is not here. */
export function pathOf(file: string): string | undefined {
  return [BUILT, ...FOLDERS].map((folder) => join(folder, file)).find(existsSync);
}

/** For `skip`: what is missing, or false. */
export function missing(needs: readonly Need[]): string | false {
  const absent = needs.filter(({ file }) => !pathOf(file)).map(nameOf);
  return absent.length > 0 ? `needs ${absent.join(', ')}` : false;
}

/** Builds the Go programs that are not here yet; the reason why one cannot be had, or false. */
export async function provide(needs: readonly Need[]): Promise<string | false> {
  for (const need of needs) {
    if (pathOf(need.file) || 'debian' in need) continue;
    const failure = await ('go' in need ? build(need.go, need.builtAs, need.file) : buildCopy(need)).then(
      () => undefined,
      (error: unknown) => String(error instanceof Error ? error.message : error),
    );
    if (failure !== undefined) return `cannot build ${need.file}: ${failure.trim().split('\n').slice(-2).join('; ')}`;
  }
  return missing(needs);
}

function nameOf(need: Need): string {
  if ('debian' in need) return `${need.file} (apt install ${need.debian})`;
  return 'go' in need ? `${need.file} (go install ${need.go})` : `${need.file} (${need.module} ${need.version})`;
}

/** `file`: what its own Makefile calls it; `go install` names it by the module's path. */
async function build(module: string, builtAs: string, file: string): Promise<void> {
  await mkdir(BUILT, { recursive: true });
  const env = { ...process.env, GOBIN: BUILT, GOFLAGS: '-buildvcs=false', CGO_ENABLED: '0' };
  await run('nice', ['-n', '10', 'go', 'install', '-p', '2', module], {
    env,
    timeout: BUILD_LIMIT_MS,
    maxBuffer: 1 << 24,
  });
  if (builtAs !== file) await copyFile(join(BUILT, builtAs), join(BUILT, file));
}

async function buildCopy({
  module,
  version,
  main,
  tags = '',
  ldflags = '',
  published,
  file,
}: Replacing): Promise<void> {
  await mkdir(BUILT, { recursive: true });
  const limits = { timeout: BUILD_LIMIT_MS, maxBuffer: 1 << 24 };
  await withGoSource(module, version, async (copy) => {
    if (published !== undefined)
      await run('go', ['mod', 'edit', ...(await replacements(copy, published))], { cwd: copy });
    const env = { ...process.env, GOFLAGS: '-buildvcs=false -mod=mod', GOWORK: 'off', CGO_ENABLED: '0' };
    const made = `${join(BUILT, file)}.new`;
    await run(
      'nice',
      ['-n', '19', 'go', 'build', '-p', '2', '-tags', tags, `-ldflags=-s -w ${ldflags}`, '-o', made, main],
      { cwd: copy, env, ...limits },
    );
    await rename(made, join(BUILT, file));
  });
}

async function replacements(copy: string, version: string): Promise<readonly string[]> {
  const text = await readFile(join(copy, 'go.mod'), 'utf8');
  return [...text.matchAll(/^\s*(\S+) => \.\//gm)].map(([, module]) => `-replace=${module}=${module}@${version}`);
}

/** A path in the user's cache, outside any clone. */
export function cachePath(what: string): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tapscope', what);
}

const DOWNLOAD_LIMIT_MS = 1_800_000;

/** Gives `build` the folder of a writable copy, from the module proxy, and removes the copy afterwards. */
export async function withGoSource(
  module: string,
  version: string,
  build: (copy: string) => Promise<void>,
): Promise<void> {
  const limits = { timeout: DOWNLOAD_LIMIT_MS, maxBuffer: 1 << 24 };
  const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@${version}`], limits);
  const copy = await mkdtemp(join(tmpdir(), 'tapscope-go-'));
  try {
    await cp(textAt(parseJson(stdout), 'Dir'), copy, { recursive: true });
    await run('chmod', ['-R', 'u+w', copy]);
    await build(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
