// SPDX-License-Identifier: Apache-2.0
// A rule is data and one pure function. It does no I/O, awaits nothing, reads no clock and knows no other rule.
import type { Diagnosis } from './finding.ts';
import type { DeviceSpan, Window } from './window.ts';

/**
 * A symptom is noticed before its cause is known. Several findings may speak of the same symptom of one queue: the
 * first is the answer. clean: there is none; never said beside a fault.
 */
export type Symptom =
  | 'ring-loss'
  | 'delay'
  | 'stop'
  | 'loss-before-tun'
  | 'loss-in-bridge'
  | 'firewalled'
  | 'filtered'
  | 'redirect-loss'
  | 'thrown-out'
  | 'loss-from-guest'
  | 'cut-reads'
  | 'program-socket'
  | 'dropped-by-xdp'
  | 'refused-by-host'
  | 'setting'
  | 'agent'
  | 'clean';

export interface Rule {
  /** The name of its file, and the word for `tapscope explain`. */
  readonly name: string;
  /** The symptom, as one short line for lists. */
  readonly summary: string;
  /** How it is known, what else looks like it and what to do: some sentences for `tapscope explain`. */
  readonly explanation: string;
  readonly symptom: Symptom;
  /** Events (src/subjects/list.ts) without which it cannot judge: where one is not measured, it is silent and says so. */
  readonly needs: readonly string[];
  /**
   * Findings of this window alone; hysteresis is src/diagnosis/active-findings.ts's. `asked`: what a person asked about. It judges each device by
   * itself: the window has one device, or none that stood still (src/diagnosis/findings-cache.ts). A rule that speaks of the agent, or of `clean`, gets
   * all devices in one window.
   */
  readonly judge: (window: Window, asked: DeviceSpan | undefined) => readonly Diagnosis[];
}
