// SPDX-License-Identifier: Apache-2.0
// The npm packages that the program runs with, as they lie in node_modules: what a package of ours takes of them.
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unbundled } from './bundle.mjs';

/** Folders of npm packages that no program reads when it runs. */
const unread = /^(\.github|benchmarks?|docs?|examples?|tests?)$/;
const licenceFile = /^(licen[cs]e|notice|copying)/i;

/** Files that build or test npm packages, and builds for another C library than Debian's. */
const unused =
  /musl|\/(binding\.gyp|Dockerfile[^/]*|Makefile|src|bin\.js|build-test\.js|optional\.js)(\/|$)|\/\.[^/]+$|\.(d\.[cm]?ts|map|sh)$/;

/**
 * The packages, each with its path below `root`. isWhole: it is not in the bundle, and its files are needed (node-addon-api
 * is headers alone).
 */
export function productionModules(root) {
  const { packages } = readJson(join(root, 'node_modules/.package-lock.json'));
  const whole = withDependencies(unbundled, packages);
  return Object.keys(packages)
    .filter((path) => !packages[path].dev && existsSync(join(root, path)))
    .map((path) => {
      const { name, version, license } = readJson(join(root, path, 'package.json'));
      return {
        path,
        name,
        version,
        license: license ?? 'as its own files say',
        isWhole: whole.has(path) && name !== 'node-addon-api',
      };
    });
}

/** Copies the files of a package that run on this architecture. */
export function copyModule(root, path, to, architecture = process.arch) {
  const foreign = new RegExp(`/prebuilds/(?!linux-${architecture})`);
  const isUnwanted = (file) => unused.test(file) || foreign.test(file);
  copyParts(
    join(root, path),
    to,
    () => true,
    (file) => !isUnwanted(file.slice(join(root, path).length)),
  );
}

/** Copies only the texts of a package's licence. */
export function copyLicence(root, path, to) {
  copyParts(
    join(root, path),
    to,
    (name) => licenceFile.test(name),
    () => true,
  );
}

function copyParts(from, to, isNamed, filter) {
  const names = readdirSync(from).filter((name) => name !== 'node_modules' && !unread.test(name) && isNamed(name));
  for (const name of names) cpSync(join(from, name), join(to, name), { recursive: true, filter });
}

/** Paths of these packages and of those that they need. */
function withDependencies(names, packages) {
  const paths = names.map((name) => `node_modules/${name}`);
  for (const path of paths) {
    const needed = Object.keys(packages[path].dependencies ?? {}).map((name) => `node_modules/${name}`);
    paths.push(...needed.filter((one) => !paths.includes(one)));
  }
  return new Set(paths);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
