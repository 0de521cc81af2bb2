// SPDX-License-Identifier: Apache-2.0
// What the first remedy of each rule does when it is pasted, and the scenario (lab/verdicts) in which that is shown.

/**
 * ends: pasted into `sh` as printed, it ends the fault. shows: it changes nothing, says so, and prints something. guest: a command for
 * the guest, of which the lab has none. words: what is to be done is no command.
 */
type Effect = 'ends' | 'shows' | 'guest' | 'words';

export interface Pasted {
  readonly rule: string;
  readonly scenario: string;
  readonly effect: Effect;
}

export const PASTED: readonly Pasted[] = [
  { rule: 'txqlen-zero', scenario: 'a ring of no size', effect: 'ends' },
  { rule: 'reader-stalled', scenario: 'a stopped reader', effect: 'ends' },
  { rule: 'ring-full-burst', scenario: 'bursts that do not fit the ring', effect: 'ends' },
  { rule: 'fq-horizon', scenario: 'fq is told that packets leave in a day', effect: 'ends' },
  { rule: 'bridge-port', scenario: 'a port of a bridge that is disabled', effect: 'ends' },
  { rule: 'bridge-mtu', scenario: 'frames too long for one port of a bridge', effect: 'ends' },
  { rule: 'writer-refused', scenario: 'writes to a device that is down', effect: 'ends' },
  { rule: 'device-down', scenario: 'a device that is set down', effect: 'ends' },
  { rule: 'host-refuses', scenario: 'rp_filter drops what the guest sends', effect: 'ends' },
  { rule: 'xdp-overflow', scenario: 'redirected bursts that overflow the ring', effect: 'ends' },
  { rule: 'carrier-off', scenario: 'a tap whose carrier is turned off', effect: 'ends' },
  { rule: 'xdp-drop', scenario: 'an XDP program drops what the guest sends', effect: 'shows' },
  { rule: 'short-reads', scenario: 'packets longer than the buffer they are read into', effect: 'ends' },
  { rule: 'neighbour-failed', scenario: 'a guest that does not answer ARP', effect: 'shows' },
  { rule: 'reader-blocked', scenario: 'a program that sleeps between packets', effect: 'shows' },
  { rule: 'qdisc-drop', scenario: 'a shaper with too short a queue', effect: 'shows' },
  { rule: 'qdisc-delay', scenario: 'a shaper with a long queue', effect: 'shows' },
  { rule: 'loss-unexplained', scenario: 'a tc filter that drops all', effect: 'shows' },
  { rule: 'host-firewall', scenario: 'a firewall drops what the host forwards', effect: 'shows' },
  { rule: 'queue-dead', scenario: 'one queue of four that nobody serves', effect: 'guest' },
  { rule: 'queue-hot', scenario: 'one queue of four has the load', effect: 'guest' },
  { rule: 'filter-drop', scenario: 'a filter that drops all', effect: 'guest' },
  { rule: 'qdisc-decorative', scenario: 'fq_codel over a ring that overflows', effect: 'words' },
  { rule: 'bufferbloat', scenario: 'packets that wait for seconds in a deep ring', effect: 'words' },
  { rule: 'no-reader', scenario: 'packets to a tap that nobody has open', effect: 'words' },
  { rule: 'self-inflicted', scenario: 'a ring made smaller while packets wait', effect: 'words' },
  { rule: 'uncounted-loss', scenario: 'reads into a buffer that cannot be written', effect: 'words' },
];

/** Rules whose remedy is not pasted on the kernel of the machine that runs the tests, and where it is, or why nowhere. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'reader-starved':
    'lab/verdicts/remedy.guest.ts (CPU and quota, behind vhost-net), src/diagnosis/remedies/quota-remedy.kernel.test.ts',
  'reader-cpu-bound': 'no command: a program that is at its limit is its author’s, or needs more queues',
  'program-socket-full': 'the program has to ask for the larger buffer that its first remedy allows',
  'send-limit': 'shows alone: src/subjects/program-side.slow.kernel.test.ts plays the fault',
  'guest-not-refilling': 'needs vhost-net, and a command in the guest',
  'ring-full-unexplained': 'shows: tapscope diagnose itself, for 60 s',
  'backpressure-stall': 'Linux 7.3: test/guest/backpressure.guest.ts',
  'backpressure-lost': 'Linux 7.3: no command',
  'agent-over-budget': 'no command: a flag of the service',
  'agent-blind':
    'shows: tapscope doctor, which src/commands tests; a counter, src/diagnosis/earned.slow.kernel.test.ts; rules and routes as not-here',
  'bridge-table': 'src/subjects/surroundings.slow.kernel.test.ts: an entry is deleted, and frames come again',
  'redirected-away': 'shows: filters and routes, src/subjects/surroundings.slow.kernel.test.ts',
  'lower-refuses': 'shows alone, in lab/verdicts/macvtaps.ts; what is refused: src/subjects/macvtap.kernel.test.ts',
  'onward-delay': 'shows alone, and of a device that is asked about alone: src/diagnosis/judge-delay.test.ts',
  'not-here': 'shows: counters of other places; rules, routes and rp_filter: src/subjects/unrouted.kernel.test.ts',
};
