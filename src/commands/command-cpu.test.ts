// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The CPU time from a command to its answer, as multiples of what Node itself takes to start: that holds on a busy machine, and on a slow one.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { startLocalApi } from '../../test/agent/local-api.ts';
import { cpuOf } from '../../test/host/cpu-of.ts';
import { median } from '../../test/host/percentile.ts';
import { hostOf, SERIES_PER_TAP } from '../../test/snapshots/made-up-host.ts';
import { createObserver } from '../server/observer.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { version } from './version.ts';

const MAIN = join(import.meta.dirname, '../../dist/src/main.js');
const ROUNDS = 10;
const TAPS = 200;
/** `node -e 0` takes 0.06 s on the machine for which these are 0.25 s and 0.3 s. */
const MOST = { help: 0.25 / 0.06, check: 0.3 / 0.06 };

/** A host of taps with two queues, at this second. */
function hostAt(takenAt: number): Snapshot {
  const host = hostOf(TAPS * SERIES_PER_TAP);
  const devices = host.devices.map((device) => ({
    ...device,
    queues: device.queues.flatMap((queue) => [queue, { ...queue, index: 1 }]),
  }));
  return { ...host, devices, takenAt };
}

test('help and check take little more CPU than Node’s start', async (t) => {
  const observer = createObserver();
  const now = Date.now() / 1000;
  for (const ago of [3, 2, 1]) observer.see(hostAt(now - ago));
  const socket = join(temporaryFolder(t), 'agent.sock');
  const api = { takeSnapshot: async () => hostAt(now), observer, host: { kernel: '7.3.0', version: version() } };
  const serving = await startLocalApi(socket, api);
  t.after(() => serving.close());
  const commands = { help: [MAIN, '--help'], check: [MAIN, 'check', `--socket=${socket}`] };
  const times: Record<'bare' | keyof typeof MOST, number[]> = { bare: [], help: [], check: [] };
  // In turn, so that what slows the machine down slows all of them down.
  for (let round = 0; round < ROUNDS; round++) {
    times.bare.push(await cpuOf(process.execPath, '-e', '0'));
    times.help.push(await cpuOf(process.execPath, ...commands.help));
    times.check.push(await cpuOf(process.execPath, ...commands.check));
  }
  for (const kind of ['help', 'check'] as const) {
    const ratio = median(times[kind]) / median(times.bare);
    t.diagnostic(
      `${kind}: ${(1000 * median(times[kind])).toFixed(0)} ms of CPU, ${ratio.toFixed(1)} times that of Node`,
    );
    assert.ok(ratio <= MOST[kind], `${kind} takes ${ratio.toFixed(1)} times the CPU of Node's start`);
  }
});
