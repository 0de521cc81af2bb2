// SPDX-License-Identifier: Apache-2.0
// The path of `--table latency`, and the VPN at its beginning.
import { wholeSeconds } from './bench-report.ts';

/** Packets a second that the VPN manages: 5.6 Mbit/s. An emulated machine has CPU for more, so CPU is not what is measured. */
export const PATH_PACE = 500;
/** Packets: the last of a full ring waits 0.1 s. */
export const PATH_RING = 50;
/** Each way. */
export const PATH_DELAY_MS = 50;
/** Towards the receiver. */
export const PATH_LOSS_PERCENT = 0.01;
export const PATH_FLOWS = 4;
/** The slow start is a part of each run, and a shorter one would show nothing else. */
const LEAST_S = 8;

/** Seconds that iperf3 sends. */
export function pathSeconds(seconds: number): number {
  return Math.max(LEAST_S, wholeSeconds(seconds));
}
