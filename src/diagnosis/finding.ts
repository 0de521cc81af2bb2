// SPDX-License-Identifier: Apache-2.0
// One diagnosis: what is wrong with which queue, how that is known, what to type, and what it is not.

/** info: harmless, or done on purpose; the person on call need not be woken. */
export type Severity = 'info' | 'warning' | 'critical';

/** The confidence in the cause, not in the loss: packets that were counted as lost are lost. */
type Confidence = 'high' | 'medium' | 'low';

/** Something to do. tapscope itself never does it. */
export interface Remedy {
  /** A command to paste into a shell; undefined: the remedy is no command. */
  readonly command: string | undefined;
  /** Its effect and its cost, in one sentence. */
  readonly effect: string;
  /** No packet is lost by doing it. */
  readonly lossless: boolean;
  /** The guest, VPN or container has to start again. */
  readonly restart: boolean;
  /** tapscope itself starts again, and what it remembers is lost; absent: it goes on. */
  readonly losesHistory?: true;
  /** The responsible party: this host's operator, the guest's operator, or the author of the program that reads the queue. */
  readonly by: 'host' | 'guest' | 'vmm';
  /** The command only shows what there is to know; undefined: it changes something, or there is none. */
  readonly inspects?: true;
}

/** A rule that explains the same symptom, and the figure that speaks against it here. */
export interface Rejected {
  readonly rule: string;
  readonly because: string;
}

/** Figures of the judged window; undefined: not measured. A finding about a whole device has the sums of its queues. */
export interface Figures {
  /** The length of the window, or of the device's life in it. */
  readonly seconds: number;
  /** Packets, including those lost. */
  readonly offered: number | undefined;
  /** Packets dropped at the queue, for all reasons. */
  readonly lost: number | undefined;
  /** lost of offered, 0 to 1. */
  readonly share: number | undefined;
  /** Packets of the whole device lost before tun. */
  readonly lostBefore: number | undefined;
  /** Packets in the ring at the end, and its size. */
  readonly occupancy: number | undefined;
  readonly capacity: number | undefined;
}

export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  /** Inode number of the network namespace; undefined: the finding is about the agent itself. */
  readonly netns: number | undefined;
  readonly device: string | undefined;
  /** undefined: the whole device. */
  readonly queue: number | undefined;
  /** One sentence, with the name of the device in it: the answer. */
  readonly cause: string;
  /** The same for one line, in the present and without the name: 'loses all packets, 90/s: its txqueuelen is 0'; absent: the cause is short. */
  readonly brief?: string;
  /** Each with its figure, the most telling first. */
  readonly evidence: readonly string[];
  /** The best first. */
  readonly remedies: readonly Remedy[];
  readonly rejected: readonly Rejected[];
  readonly confidence: Confidence;
  /** Why its figures may be off; empty: they are exact. */
  readonly degraded: readonly string[];
  /** Why the answer is not OK although nothing was found, one clause each; absent: nothing stands against it. */
  readonly doubts?: readonly string[];
  /** Packets of the window whose loss it explains; absent: all drops of its ring, or it is about no loss. */
  readonly explains?: number;
  /** `judge()` adds them. */
  readonly figures?: Figures;
}

/** A finding as a rule returns it: `judge()` adds the name of the rule and the figures. */
export type Diagnosis = Omit<Finding, 'rule' | 'figures'>;
