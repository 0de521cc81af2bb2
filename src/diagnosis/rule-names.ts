// SPDX-License-Identifier: Apache-2.0
// Rules that other rules name as rejected explanations. A rule imports the name, never the other rule; a test compares these with the list.

export const BUFFERBLOAT = 'bufferbloat';
export const GUEST_NOT_REFILLING = 'guest-not-refilling';
export const HOST_FIREWALL = 'host-firewall';
export const HOST_REFUSES = 'host-refuses';
export const NO_READER = 'no-reader';
export const NOT_HERE = 'not-here';
export const QDISC_DROP = 'qdisc-drop';
export const QUEUE_DEAD = 'queue-dead';
export const READER_CPU_BOUND = 'reader-cpu-bound';
export const READER_STALLED = 'reader-stalled';
export const READER_STARVED = 'reader-starved';
export const RING_FULL_BURST = 'ring-full-burst';
export const WRITER_REFUSED = 'writer-refused';
