// SPDX-License-Identifier: Apache-2.0
// Runs inside the VM, as pair-guest.ts FOLDER SECONDS ROUNDS: both builds in turn, each round in the other order; prints JSON.
import { loadTun, measurePair, type PairRun } from './module-pair.ts';
import { BUILDS, type Build } from './tun-modules.ts';

const [folder = '', seconds, rounds] = process.argv.slice(2);
const runs: Record<Build, PairRun[]> = { plain: [], cached: [] };
for (let round = 0; round < Number(rounds); round++)
  for (const build of round % 2 === 0 ? BUILDS : BUILDS.toReversed()) {
    await loadTun(folder, build);
    runs[build].push(await measurePair(Number(seconds)));
  }
console.log(`\n${JSON.stringify(runs)}`);
