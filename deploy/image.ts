// SPDX-License-Identifier: Apache-2.0
// deploy/Dockerfile, built by buildah without an engine: the image runs as docker-compose.yml says and is found healthy; with WHOLE=1 beside Prometheus
// and Alertmanager too, and as a pod of the Helm chart.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { cloneInto, copyNode, makeBareRoot, passedOn } from '../test/debian/bare-root.ts';
import { at, listAt, parseJson, textAt } from '../test/host/checked-json.ts';
import { namespaceLab } from '../test/host/netns.ts';
import { until } from '../test/host/until.ts';
import { isWhole } from '../test/whole.ts';
import { monitorsShow } from './compose-beside.ts';
import { containerIn, keepRunning } from './container.ts';
import { servesInPod } from './pod.ts';
import { provideNode } from './runtime.mjs';

const project = join(import.meta.dirname, '..');
/** Nobody reads the device, and ten times as many packets as its ring takes come ten times a second. */
const DEVICE = 'tap0';
const RING = 10;
const FLOOD_MS = 100;

/** Names behind FROM, in their order: the image of the build with Node, and a bare Debian. */
export function baseImages(): readonly string[] {
  const lines = readFileSync(join(project, 'deploy/Dockerfile'), 'utf8');
  return [...lines.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
}

type Run = (program: string, ...args: readonly string[]) => string;

/** Runs a program whose buildah has its storage in `folder`; vfs and chroot need no right or kernel module that a container lacks. */
function withBuildahIn(folder: string): Run {
  const settings = join(folder, 'storage.conf');
  const places = { driver: 'vfs', graphroot: join(folder, 'storage'), runroot: join(folder, 'run') };
  const lines = Object.entries(places).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
  mkdirSync(folder);
  writeFileSync(settings, `[storage]\n${lines.join('')}`);
  const env = { ...process.env, CONTAINERS_STORAGE_CONF: settings, BUILDAH_ISOLATION: 'chroot' };
  return (program, ...args) =>
    execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 2 ** 26,
      env,
    }).trim();
}

/** Builds the image in `folder`, on a bare Debian 13, with and without the Node.js of runtime.json: no registry of images is asked. */
export async function imageServes(t: TestContext, folder: string): Promise<void> {
  const runs = withBuildahIn(join(folder, 'buildah'));
  const buildah = (...args: readonly string[]) => runs('buildah', ...args);
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
  runs('node', join(context, 'deploy/image-archive.mjs'), folder);
  t.diagnostic(`both stages took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const archive = readdirSync(folder).find((file) => file.startsWith('tapscope-image-')) ?? '';
  const container = buildah('from', `docker-archive:${join(folder, archive)}`);
  const root = buildah('mount', container);
  const config = at(parseJson(buildah('inspect', container)), 'OCIv1', 'config');
  const [program = '', ...args] = [...listAt(config, 'Entrypoint'), ...listAt(config, 'Cmd')].map(String);
  await t.test('as docker-compose.yml starts it', (step) => servesInCompose(step, root, program, args));
  await t.test('as a pod of the packaged chart', (step) => servesInPod(step, root, program, folder));
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

async function servesInCompose(t: TestContext, root: string, program: string, args: readonly string[]): Promise<void> {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  const { pid } = reader;
  const agent = at(parse(readFileSync(join(project, 'docker-compose.yml'), 'utf8')), 'services', 'agent');
  const run = containerIn(t, root, {
    networkOf: pid,
    capabilities: listAt(agent, 'cap_add').map(String),
    mounts: listAt(agent, 'volumes').map((one) => ({
      source: textAt(one, 'source'),
      target: textAt(one, 'target'),
      readOnly: at(one, 'read_only') === true,
    })),
    environment: {},
  });
  keepRunning(t, run(program, ...args));
  const [cmd, ...check] = listAt(agent, 'healthcheck', 'test').map(String);
  assert.equal(cmd, 'CMD');
  let healthy = false;
  await until(async () => {
    const [status] = await once(run(...check), 'close');
    healthy = status === 0;
    return healthy;
  });
  assert.ok(healthy, 'the healthcheck of docker-compose.yml');
  const doctor = run(program, 'doctor');
  const said = doctor.stdout ? await text(doctor.stdout) : '';
  assert.match(said, /An agent runs, /);
  assert.match(said, /^No right or kernel feature is missing\.$/m);
  if (!isWhole) return;
  await reader.open('a', DEVICE, 'tap');
  const address = await lab.raise(DEVICE, RING);
  const flood = setInterval(() => void reader.udp(address, 9, 10 * RING, 64).catch(() => undefined), FLOOD_MS);
  t.after(() => clearInterval(flood));
  await monitorsShow(t, lab, pid, DEVICE);
}
