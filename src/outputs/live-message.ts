// SPDX-License-Identifier: Apache-2.0
// The event of /api/v1/live that the live page receives each second.

import type { ReportedFinding } from '../diagnosis/active-findings.ts';
import type { Verdict } from '../diagnosis/judge.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import type { Status } from '../diagnosis/status.ts';

/** Raised when a field goes or means something else; not when one is added. */
export const SCHEMA = 1;

export interface LiveMessage {
  readonly schema: number;
  /** `name`: as the host calls itself; undefined over the unix socket, whose user knows it. */
  readonly host: { readonly kernel: string; readonly version: string; readonly name?: string };
  /** Unix time of the snapshot, and seconds since the one before. */
  readonly takenAt: number;
  readonly seconds: number;
  readonly verdict: Status;
  /** The active findings, the worst first. */
  readonly findings: readonly ReportedFinding[];
  readonly unjudged: Verdict['unjudged'];
  readonly queues: readonly QueueRate[];
  /** Devices that the filter of the agent leaves out; absent: none. */
  readonly hiddenDevices?: number | undefined;
}

/** The event `late` of the same stream, each second in which there is nothing newer than some seconds. */
export interface LateMessage {
  /** Of the newest judgement, seconds. */
  readonly age: number;
  /** 'load 41'; absent: the host has CPU to spare, and the agent is late or stopped. */
  readonly load?: string | undefined;
}
