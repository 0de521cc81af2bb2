// SPDX-License-Identifier: Apache-2.0
// deploy/Dockerfile, built by buildah without an engine: the image runs with the rights of docker-compose.yml and is found healthy;
// with WHOLE=1 beside Prometheus and Alertmanager too.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { cloneInto, copyNode, makeBareRoot, passedOn, startInside } from '../test/debian/bare-root.ts';
import { at, listAt, parseJson } from '../test/host/checked-json.ts';
import { namespaceLab } from '../test/host/netns.ts';
import { isWhole } from '../test/whole.ts';
import { monitorsShow } from './compose-beside.ts';
import { provideNode } from './runtime.mjs';

const project = join(import.meta.dirname, '..');
const IMAGE = 'tapscope-test';
/** Nobody reads the device, and ten times as many packets as its ring takes come ten times a second. */
const DEVICE = 'tap0';
const RING = 10;
const FLOOD_MS = 100;

/** Names behind FROM, in their order: the image of the build with Node, and a bare Debian. */
export function baseImages(): readonly string[] {
  const text = readFileSync(join(project, 'deploy/Dockerfile'), 'utf8');
  return [...text.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
}

/** buildah with its storage in `folder`; vfs and chroot need no right or kernel module that a container lacks. */
function buildahIn(folder: string): (...args: readonly string[]) => string {
  const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  return (...args) =>
    execFileSync('buildah', [...storage, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 26,
    }).trim();
}

/** Builds the image in `folder`, on a bare Debian 13, with and without the Node.js of runtime.json: no registry of images is asked. */
export async function imageServes(t: TestContext, folder: string): Promise<void> {
  const buildah = buildahIn(join(folder, 'buildah'));
  const [withNode, debian, ...more] = baseImages();
  assert.ok(withNode && debian && more.length === 0);
  const [bare, nodeRoot] = [join(folder, 'debian'), join(folder, 'build')];
  for (const root of [bare, nodeRoot]) {
    makeBareRoot(root, 'trixie');
    // Nothing of it needs to survive a crash of this machine.
    writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/test'), 'force-unsafe-io\n');
  }
  copyNode(nodeRoot, join(provideNode(), 'bin/node'));
  for (const [image, root] of [
    [withNode, nodeRoot],
    [debian, bare],
  ] as const)
    keepBase(buildah, image, root);
  cloneInto(folder, 'context');
  const context = join(folder, 'context');
  const begun = performance.now();
  buildah(
    'bud',
    '--isolation=chroot',
    '--pull-never',
    '--tag',
    IMAGE,
    '--file',
    join(context, 'deploy/Dockerfile'),
    context,
  );
  t.diagnostic(`both stages took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const container = buildah('from', '--pull-never', `localhost/${IMAGE}`);
  const root = buildah('mount', container);
  const config = at(parseJson(buildah('inspect', '--type=image', `localhost/${IMAGE}`)), 'OCIv1', 'config');
  const [program = '', ...args] = [...listAt(config, 'Entrypoint'), ...listAt(config, 'Cmd')].map(String);
  await serves(t, root, program, args);
}

/** The machine's root as an image of that name, with what its processes need to reach registries. */
function keepBase(buildah: (...args: readonly string[]) => string, image: string, root: string): void {
  const container = buildah('from', 'scratch');
  buildah('add', '--quiet', container, root, '/');
  const passed = Object.entries(process.env).filter(([name]) => passedOn.test(name));
  // Where copyNode() puts the settings of npm.
  const environment = [['HOME', '/opt'], ...passed].map(([name, value]) => `--env=${name}=${value}`);
  buildah('config', ...environment, container);
  buildah('commit', '--quiet', '--rm', container, `docker.io/library/${image}`);
}

async function serves(t: TestContext, root: string, program: string, args: readonly string[]): Promise<void> {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  const { pid } = reader;
  const agent = at(parse(readFileSync(join(project, 'docker-compose.yml'), 'utf8')), 'services', 'agent');
  const bounds = ['-all', ...listAt(agent, 'cap_add').map((name) => `+${String(name).toLowerCase()}`)].join(',');
  const rights = ['setpriv', `--bounding-set=${bounds}`, '--no-new-privs'];
  const run = (...command: readonly string[]) =>
    startInside(root, '/', 0, ['nsenter', `--net=/proc/${pid}/ns/net`, ...rights, ...command]);
  const serving = run(program, ...args);
  t.after(() => process.kill(-Number(serving.pid), 'SIGKILL'));
  const [cmd, ...check] = listAt(agent, 'healthcheck', 'test').map(String);
  assert.equal(cmd, 'CMD');
  let healthy = false;
  for (let i = 0; i < 50 && !healthy; i++) {
    const [status] = await once(run(...check), 'close');
    healthy = status === 0;
    await wait(200);
  }
  assert.ok(healthy, 'the healthcheck of docker-compose.yml');
  const doctor = run(program, 'doctor');
  let said = '';
  doctor.stdout?.on('data', (data) => {
    said += data;
  });
  await once(doctor, 'close');
  assert.match(said, /An agent runs, /);
  assert.match(said, /^No right or kernel feature is missing\.$/m);
  if (!isWhole) return;
  await reader.open('a', DEVICE, 'tap');
  const address = await lab.raise(DEVICE, RING);
  const flood = setInterval(() => void reader.udp(address, 9, 10 * RING, 64).catch(() => undefined), FLOOD_MS);
  t.after(() => clearInterval(flood));
  await monitorsShow(t, lab, pid, DEVICE);
}
