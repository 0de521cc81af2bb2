// SPDX-License-Identifier: Apache-2.0
// `tapscope record`: records what can be seen, as one file for support elsewhere.
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { readSysctls } from '../kernel/sysctls.ts';
import { pseudonyms } from '../outputs/pseudonyms.ts';
import { snapshotLine } from '../snapshot/json.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { parseDuration } from './options/duration.ts';
import { type RecordingHeader, RecordingWriter, SCHEMA } from './recording.ts';
import { untilCut } from './terminal/wait-hint.ts';
import { thisHost } from './version.ts';
import { watchHost } from './watch.ts';

interface RecordOptions {
  readonly file: string;
  readonly duration: string;
  readonly addresses: boolean;
  readonly mechanisms: readonly string[];
  /** Where an agent may listen. */
  readonly socket: string;
}

/** Fewer snapshots cannot be judged. */
const LEAST_SNAPSHOTS = 2;

/** Exit code 0: all was recorded, 1: its end is missing. */
export async function record({ file, duration, addresses, mechanisms, socket }: RecordOptions): Promise<number> {
  const seconds = parseDuration('--for', duration, { least: 2, most: 3600 });
  const writer = await RecordingWriter.create(file, await headerOf(addresses, mechanisms));
  const change = addresses ? undefined : pseudonyms();
  let [kept, missing] = [0, 0];
  const keep = (snapshot: Snapshot): void => {
    writer.add(snapshotLine(snapshot, change));
    kept += 1;
  };
  const missed = (): void => {
    missing += 1;
  };
  // A later sample cannot show what has gone.
  let lost: unknown;
  const unlessKept = (cause: unknown): undefined => {
    if (kept < LEAST_SNAPSHOTS) throw cause;
    lost = cause;
  };
  try {
    const silence = await untilCut(
      `recording for ${seconds} s, Ctrl-C keeps what was seen until then`,
      (signal, begun) => watchHost({ seconds, socket, mechanisms, signal, begun, keep, missed }).catch(unlessKept),
    );
    const snapshots = await writer.finish();
    const names = addresses ? 'names as they are' : 'names of VMs, pods, containers, units and namespaces replaced';
    process.stdout.write(`${visible(file)}: ${snapshots} snapshots, ${statSync(file).size} bytes, ${names}.\n`);
    if (silence) process.stderr.write(`tapscope: ${visible(silence.words)}; so this command looked itself.\n`);
    if (lost instanceof Error) process.stderr.write(`tapscope: the end is missing: ${visible(lost.message)}\n`);
    if (missing > 0) process.stderr.write(`tapscope: looks that failed meanwhile, one a second: ${missing}.\n`);
    return lost === undefined ? 0 : 1;
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
