// SPDX-License-Identifier: Apache-2.0
// The windows that the lab recorded, on Linux 6.1 to 7.3, idle, busy and losing, and a host of many guests made of one of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../../src/snapshot/device.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { unpackFixture } from './fixture.ts';

interface RecordedHost {
  /** Names the scenario, the kernel and the kind of device. */
  readonly file: string;
  readonly snapshots: readonly Snapshot[];
}

const FOLDER = 'src/diagnosis/fixtures';

export function recordedHosts(): readonly RecordedHost[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json.gz'))
    .map((file) => ({ file, snapshots: unpackFixture(readFileSync(join(FOLDER, file))).snapshots }));
}

function droppedBy({ queues }: Device): number {
  return queues[0]?.counters?.dropped[0]?.packets ?? 0;
}

/** Copies of the guest of Linux 7.3 that lost most and has the time in the ring. */
export function losingGuests(number: number, queuesOfEach: number): readonly Device[] {
  const guest = recordedHosts()
    .filter(({ file }) => file.includes('-7.3-'))
    .flatMap(({ snapshots }) => snapshots.at(-1)?.devices ?? [])
    .toSorted((a, b) => droppedBy(b) - droppedBy(a))
    .find(({ queues }) => queues[0]?.history?.sojourn?.sum);
  const [queue] = guest?.queues ?? [];
  if (!guest || !queue) throw new Error('No window of Linux 7.3 has a guest with the time in the ring.');
  const queues = Array.from({ length: queuesOfEach }, (_, index) => ({ ...queue, index }));
  return Array.from({ length: number }, (_, tap) => ({ ...guest, name: `vnet${tap}`, id: String(tap), queues }));
}
