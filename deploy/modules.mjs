// SPDX-License-Identifier: Apache-2.0
// The npm packages that the program runs with, as they lie in node_modules: what a package of ours takes of them.
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unbundled } from './bundle.mjs';

/** Folders of npm packages that no program reads when it runs. */
const unread = /^(\.github|benchmarks?|docs?|examples?|tests?)$/;
const licenceFile = /^(licen[cs]e|notice|copying)/i;

/** Each with its path below `root`; isWhole: it is not in the bundle, and its files are needed. */
export function productionModules(root) {
  const { packages } = readJson(join(root, 'node_modules/.package-lock.json'));
  const whole = withDependencies(unbundled, packages);
  return Object.keys(packages)
    .filter((path) => !packages[path].dev && existsSync(join(root, path)))
    .map((path) => {
      const { name, version, license } = readJson(join(root, path, 'package.json'));
      return { path, name, version, license: license ?? 'as its own files say', isWhole: whole.has(path) };
    });
}

/** What runs of it, or its licence alone. `wanted`: of its path and name. */
export function copyModule(root, path, to, isWhole, wanted = () => true) {
  const names = readdirSync(join(root, path)).filter((one) => one !== 'node_modules' && !unread.test(one));
  for (const name of names.filter((one) => isWhole || licenceFile.test(one)))
    cpSync(join(root, path, name), join(to, name), {
      recursive: true,
      filter: (file) => !/\.(d\.[cm]?ts|map)$/.test(file) && wanted(file),
    });
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
