// SPDX-License-Identifier: Apache-2.0
// Code of an intruder runs in the process that serves, as a fault of its HTTP parser would let it, in each of the ways that an agent is started.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/kernel/package.ts';
import { intrudeService } from '../../../test/agent/intruded-service.ts';
import { type Answers, answersIn, bringIntruder, FEWEST_ATTEMPTS, succeeded } from '../../../test/agent/intrusion.ts';
import type { Fault } from '../fault.ts';
import { type FaultHost, type StartOptions, servingOf, soon } from '../fault-host.ts';
import { intrusions } from '../intrusions.ts';
import { bootService, type ServiceHost } from '../service-host.ts';

const CHART = join(packageRoot(), 'deploy/kubernetes/tapscope/templates/daemonset.yaml');

/** As an engine makes one: a root that is read-only, parts of /proc that are hidden, no new privileges, and the capabilities `$1`. */
const CONTAINER = `set -e
  for path in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $path ] || mount --bind /dev/null $path; done
  for path in /proc/sys /sys /; do mount --bind $path $path; mount -o remount,bind,ro $path; done
  rights=$1; shift
  exec setpriv --bounding-set="$rights" --inh-caps=-all --no-new-privs "$@"`;
/** Without these the process that serves stays root, and neither process may signal another user's. */
const FOR_ANOTHER_USER = ['SETGID', 'SETUID', 'KILL'];

/** The capabilities that the chart gives the container. */
function rightsOfChart(): readonly string[] {
  const [, list = ''] = /^ +add: \[(.*)\]$/m.exec(readFileSync(CHART, 'utf8')) ?? assert.fail(CHART);
  return list.split(', ');
}

function inContainer(rights: readonly string[]): readonly string[] {
  const bounds = ['-all', ...rights.map((name) => `+${name.toLowerCase()}`)].join(',');
  return ['unshare', '--mount', 'sh', '-c', CONTAINER, 'sh', bounds];
}

function withIntruder({ folder }: FaultHost, around: readonly string[]): StartOptions {
  const code = bringIntruder();
  const prey = join(folder, 'for-all-to-read');
  writeFileSync(prey, 'secret');
  chmodSync(folder, 0o755);
  const variables = { NODE_OPTIONS: `--require=${code}`, INTRUDER_ROOT: packageRoot(), INTRUDER_PREY: prey };
  return { wrapper: [...around, 'env', ...Object.entries(variables).map((pair) => pair.join('='))] };
}

/** Throws where an attempt did not fail. */
function note(way: string, answers: Answers): void {
  intrusions.add(way, answers);
  assert.deepEqual(succeeded(answers), [], way);
  assert.ok(Object.keys(answers).length >= FEWEST_ATTEMPTS, `${Object.keys(answers).length} attempts`);
}

const NAME = 'an intruder in the process that serves tries all that it can';

function intruded(way: string, around: () => readonly string[]): Fault {
  return {
    name: `${NAME}, ${way}`,
    start: (host) => withIntruder(host, around()),
    isFresh: true,
    play: async (host) => {
      await host.loaded.load();
      const before = servingOf(host);
      process.kill(before, 'SIGUSR2');
      await soon('the intruder is ended', () => host.agent.servingPid() !== before);
      host.over();
      // The other process passes on what it wrote, later than its end is seen.
      await soon('the intruder has said what it got', () => answersIn(host.agent.said()) !== undefined);
      note(way, answersIn(host.agent.said()) ?? assert.fail(host.agent.said()));
    },
  };
}

let service: ServiceHost | undefined;

export const INTRUDERS: readonly Fault[] = [
  intruded('started by hand', () => []),
  intruded('in a container', () => inContainer(rightsOfChart())),
  intruded('in a container whose processes have one user', () =>
    inContainer(rightsOfChart().filter((name) => !FOR_ANOTHER_USER.includes(name))),
  ),
  {
    name: `${NAME}, as a service`,
    // The package runs in a Debian of its own, and counts the same taps.
    play: async (host) => {
      service ??= await bootService(host.folder);
      await host.loaded.load();
      note('as a service', await intrudeService(service.booted, service.root));
      host.over();
    },
    after: async () => {
      await service?.leave();
      service = undefined;
    },
  },
];
