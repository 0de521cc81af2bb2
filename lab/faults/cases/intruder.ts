// SPDX-License-Identifier: Apache-2.0
// Code of an intruder runs in the process that serves: as a fault of its HTTP parser would let it.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/kernel/package.ts';
import type { Fault } from '../fault.ts';
import { type FaultHost, type StartOptions, servingOf, soon } from '../fault-host.ts';

/** Where that process may read. */
const CODE = join(packageRoot(), 'dist/test/intruder.cjs');

/** It writes what came of each attempt: `{"type into the terminal":"EPERM",…}`. No answer may be another than these. */
const REFUSED = /^(?![\s\S]*":"(?!(?:EPERM|EACCES|ENOSYS|EAFNOSUPPORT)"))[\s\S]*intruder: \{/;

function withIntruder({ folder }: FaultHost): StartOptions {
  copyFileSync(join(packageRoot(), 'test/agent/intruder.cjs'), CODE);
  const prey = join(folder, 'for-all-to-read');
  writeFileSync(prey, 'secret');
  chmodSync(folder, 0o755);
  const variables = { NODE_OPTIONS: `--require=${CODE}`, INTRUDER_ROOT: packageRoot(), INTRUDER_PREY: prey };
  return { wrapper: ['env', ...Object.entries(variables).map((pair) => pair.join('='))] };
}

export const INTRUDERS: readonly Fault[] = [
  {
    name: 'an intruder in the process that serves makes ninety attempts, under load',
    start: withIntruder,
    isFresh: true,
    says: REFUSED,
    play: async (host) => {
      await host.loaded.load();
      const before = servingOf(host);
      process.kill(before, 'SIGUSR2');
      await soon('the intruder is ended', () => host.agent.servingPid() !== before);
      host.over();
    },
  },
];
