// SPDX-License-Identifier: Apache-2.0
// What lab/napi/pair-guest.ts prints.
import { listAt, numberAt } from '../../test/host/checked-json.ts';
import type { PairRun } from './module-pair.ts';
import type { Pair } from './pair-table.ts';

export function readPair(printed: unknown): Pair {
  const runs = (build: string): readonly PairRun[] => listAt(printed, build).map(readRun);
  return { plain: runs('plain'), cached: runs('cached') };
}

function readRun(run: unknown): PairRun {
  const figure = (name: keyof PairRun): number => numberAt(run, name);
  return {
    seconds: figure('seconds'),
    received: figure('received'),
    lost: figure('lost'),
    there: figure('there'),
    elsewhere: figure('elsewhere'),
    deferred: figure('deferred'),
  };
}
