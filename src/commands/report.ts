// SPDX-License-Identifier: Apache-2.0
// `tapscope report`: judges a recording, on any host.
import type { Scope } from '../diagnosis/scope.ts';
import type { Judged } from '../outputs/verdict.ts';
import { visible } from '../snapshot/visible.ts';
import { type Recording, readRecording } from './recording.ts';
import { judgeSnapshots, sayVerdict } from './run-diagnosis.ts';

interface ReportOptions {
  readonly file: string;
  readonly scope: Scope;
  readonly json: boolean;
}

/** Exit code as `diagnose`. */
export async function report({ file, scope, json }: ReportOptions): Promise<number> {
  const recording = await readRecording(file);
  const { header, snapshots, unread } = recording;
  if (unread > 0)
    process.stderr.write(
      `tapscope: ${visible(file)} has ${unread + snapshots.length} snapshots, more than there is room for: ${snapshots.length} of them are judged, from its first to its last.\n`,
    );
  return unlessDamaged(file, () =>
    sayVerdict(judgeRecording(recording, scope), json, { recording: unread > 0 ? { ...header, unread } : header }),
  );
}

/** Throws one sentence if nothing can be said of what was asked for. */
export function judgeRecording({ header, snapshots }: Recording, scope: Scope): Judged {
  const judged = judgeSnapshots(snapshots, scope, { kernel: header.kernel, version: header.version }, true);
  return { ...judged, isRenamed: !header.addresses };
}

/** Rules and texts take it that a field which every version recorded is there. */
export function unlessDamaged<Result>(file: string, judge: () => Result): Result {
  try {
    return judge();
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause;
    throw new Error(`${file} is damaged: figures are missing in its snapshots; copy it again, or record anew.`, {
      cause,
    });
  }
}
