// SPDX-License-Identifier: Apache-2.0
// `tapscope report`: judges a recording, on whatever host.
import type { Scope } from '../diagnosis/scope.ts';
import { readRecording } from './recording.ts';
import { judgeSnapshots, sayVerdict } from './run-diagnosis.ts';

export interface ReportOptions {
  readonly file: string;
  readonly scope: Scope;
  readonly json: boolean;
}

/** Exit code as `diagnose`. */
export async function report({ file, scope, json }: ReportOptions): Promise<number> {
  const { header, snapshots } = await readRecording(file);
  const judged = judgeSnapshots(snapshots, scope, { kernel: header.kernel, version: header.version }, true);
  return sayVerdict({ ...judged, isRenamed: !header.addresses }, json, { recording: header });
}
