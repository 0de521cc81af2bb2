// SPDX-License-Identifier: Apache-2.0
// deploy/Dockerfile, carried out in bare roots: what it builds runs with the rights of docker-compose.yml and is found healthy.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'yaml';
import { at, listAt } from '../lab/host/checked-json.ts';
import { namespaceLab } from '../lab/host/netns.ts';
import { cloneInto, copyNode, startInside } from './bare-root.ts';
import { carryOut, commandOf, readStages } from './dockerfile.ts';

const project = join(import.meta.dirname, '..');

/** In `folder`, on copies of the root `bare`. */
export async function imageServes(t: TestContext, bare: string, folder: string): Promise<void> {
  const [build, final, ...more] = readStages(join(project, 'deploy/Dockerfile'));
  assert.ok(build && final && more.length === 0);
  const roots = { [build.name]: join(folder, 'build'), final: join(folder, 'final') };
  const [first = '', last = ''] = Object.values(roots);
  for (const root of [first, last]) execFileSync('cp', ['-a', bare, root]);
  copyNode(first);
  cloneInto(folder, 'context');
  const begun = performance.now();
  await carryOut(build, first, join(folder, 'context'), {});
  await carryOut(final, last, join(folder, 'context'), roots);
  t.diagnostic(`both stages took ${((performance.now() - begun) / 1000).toFixed(1)} s`);

  const lab = await namespaceLab(t);
  const { pid } = await lab.testReader();
  const agent = at(parse(readFileSync(join(project, 'docker-compose.yml'), 'utf8')), 'services', 'agent');
  const bounds = ['-all', ...listAt(agent, 'cap_add').map((name) => `+${String(name).toLowerCase()}`)].join(',');
  const rights = ['setpriv', `--bounding-set=${bounds}`, '--no-new-privs'];
  const run = (...command: readonly string[]) =>
    startInside(last, '/', 0, ['nsenter', `--net=/proc/${pid}/ns/net`, ...rights, ...command]);
  const serving = run(...commandOf(final));
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
  const doctor = run(...commandOf(final).slice(0, 1), 'doctor');
  let said = '';
  doctor.stdout?.on('data', (data) => {
    said += data;
  });
  await once(doctor, 'close');
  assert.match(said, /An agent runs, /);
  assert.match(said, /^No right or kernel feature is missing\.$/m);
}
