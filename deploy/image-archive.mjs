// SPDX-License-Identifier: Apache-2.0
// The image of deploy/Dockerfile as one file, which `docker load` and `podman load` take. buildah makes it, for it needs no engine; where it keeps its own
// files, and how it isolates what it runs, is told by its variables CONTAINERS_STORAGE_CONF and BUILDAH_ISOLATION.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imagePackages, installMissing } from './packages.mjs';
import { run } from './step.mjs';

/** As docker-compose.yml names it. */
const NAME = 'tapscope';
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };

/** Returns the path of the archive; undefined: it has been said why there is none. */
export function buildImage(root, output) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tag = `${NAME}:${version}`;
  const archive = join(output, `tapscope-image-${version}-${ARCHITECTURES[process.arch]}.tar`);
  // A base image that is here already is taken as it is: the Dockerfile names exact versions.
  const build = ['bud', '--pull=false', '--tag', tag, '--file', join(root, 'deploy/Dockerfile'), root];
  const save = ['push', tag, `docker-archive:${archive}:${tag}`];
  const isDone =
    installMissing(imagePackages) &&
    run('building the image', 'buildah', build) &&
    run('saving the image', 'buildah', save);
  return isDone ? archive : undefined;
}

if (process.argv[1] === import.meta.filename)
  process.exitCode = buildImage(join(import.meta.dirname, '..'), process.argv[2] ?? '.') === undefined ? 1 : 0;
