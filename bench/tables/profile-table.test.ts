// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchReport, CellResult, Profile } from '../bench-report.ts';
import { profileTable } from './profile-table.ts';

function result(
  reader: 'tap' | 'vhost',
  flow: 'tail-drop' | 'backpressure',
  ...profiles: readonly Profile[]
): CellResult {
  const cell = { kind: 'send', id: `${reader}/${flow}`, reader, flow, threads: 1, queues: 1, pinned: false } as const;
  const runs = profiles.map((profile) => ({
    ...{ seconds: 1, transmitted: 1, lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined },
    ...{ disagreements: [], profile: { sender: undefined, reader: profile } },
  }));
  return { cell: { ...cell, shape: 'sample01' }, missing: null, runs };
}

const profile = (symbols: Readonly<Record<string, number>>): Profile => ({
  clock: 'cpu-clock',
  samples: Object.values(symbols).reduce((sum, one) => sum + one, 0),
  symbols,
});

test('shares of all repeats, what the thread asks about first, then the functions with the most', () => {
  const results = [
    result(
      'vhost',
      'tail-drop',
      profile({ tun_do_read: 60, _copy_to_iter: 20 }),
      profile({ __check_object_size: 10, srso_alias_safe_ret: 10 }),
    ),
    result('vhost', 'backpressure', profile({ memset: 1 })),
  ];
  const lines = profileTable({ results } as unknown as BenchReport);
  const worker = lines.findIndex((line) => line.includes('vhost worker'));
  const cells = lines.slice(worker - 1, worker + 7).map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, 4),
  );
  assert.deepEqual(cells, [
    ['TAP + vhost-net', 'samples', '100 of cpu-clock'],
    ['vhost worker', 'copy to user', '20.00%'],
    ['', 'hardened usercopy', '10.00%'],
    ['', 'SRSO thunks', '10.00%'],
    ['', 'most', '60.00% tun_do_read'],
    ['', '', '20.00% _copy_to_iter'],
    ['', '', '10.00% __check_object_size'],
    ['', '', '10.00% srso_alias_safe_ret'],
  ]);
  assert.match(lines[3] ?? '', /^\| TAP +\| samples +\| not measured /);
  assert.ok(lines.some((line) => line.includes('no sample: it slept')));
});
