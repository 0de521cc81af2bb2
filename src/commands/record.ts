// SPDX-License-Identifier: Apache-2.0
// `tapscope record`: what is to be seen for a while, as one file for somebody elsewhere.
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { readSysctls } from '../kernel/sysctls.ts';
import { pseudonyms } from '../outputs/pseudonyms.ts';
import { snapshotLine } from '../snapshot/json.ts';
import { visible } from '../snapshot/visible.ts';
import type { Snapshot } from '../snapshot.ts';
import { parseDuration } from './duration.ts';
import { type RecordingHeader, RecordingWriter, SCHEMA } from './recording.ts';
import { thisHost } from './version.ts';
import { untilCut } from './wait-hint.ts';
import { watchHost } from './watch.ts';

export interface RecordOptions {
  readonly file: string;
  readonly duration: string;
  readonly addresses: boolean;
  readonly mechanisms: readonly string[];
  /** Where an agent may listen. */
  readonly socket: string;
}

export async function record({ file, duration, addresses, mechanisms, socket }: RecordOptions): Promise<void> {
  const seconds = parseDuration('--for', duration, { least: 2, most: 3600 });
  const writer = await RecordingWriter.create(file, await headerOf(addresses, mechanisms));
  const change = addresses ? undefined : pseudonyms();
  const keep = (snapshot: Snapshot): void => writer.add(snapshotLine(snapshot, change));
  try {
    await untilCut(`Recording for ${seconds} s, Ctrl-C keeps what was seen until then`, (signal) =>
      watchHost({ seconds, socket, mechanisms, signal, keep }),
    );
    const snapshots = await writer.finish();
    const names = addresses ? 'names as they are' : 'names of VMs, pods, containers, units and namespaces replaced';
    process.stdout.write(`${visible(file)}: ${snapshots} snapshots, ${statSync(file).size} bytes, ${names}.\n`);
  } finally {
    await writer.abandon();
  }
}

async function headerOf(addresses: boolean, mechanisms: readonly string[]): Promise<RecordingHeader> {
  return {
    format: 'tapscope recording',
    schema: SCHEMA,
    ...thisHost(),
    node: process.versions.node,
    cpus: cpus().length,
    recordedAt: Date.now() / 1000,
    addresses,
    flags: mechanisms.map((choice) => `--mechanism=${choice}`),
    sysctls: await readSysctls(),
  };
}
