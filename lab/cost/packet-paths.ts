// SPDX-License-Identifier: Apache-2.0
// The clocked paths of a packet.
import { namesOf } from '../../test/host/checked-json.ts';

/** Path -> what the driver is asked, and the figure in its answer that is the path's price. */
export const PATHS = {
  enqueue: ['packet', 'enqueue'],
  drop: ['packet', 'drop'],
  read: ['packet', 'read'],
  'foreign packet': ['foreign', 'packet'],
  'foreign drop': ['foreign', 'drop'],
  'drop without device': ['unix-socket', 'drop'],
  'pktgen enqueue': ['pktgen', 'enqueue'],
  'pktgen drop': ['pktgen', 'drop'],
  'vhost consume': ['vhost', 'consume'],
  'stop and wake': ['stop', 'cycle'],
  write: ['write', 'write'],
  forwarded: ['forward', 'forward'],
  'foreign wake': ['wake', 'wake'],
} as const satisfies Clocked;

/** The same on many rings that take turns, packet by packet. */
export const SCALED_PATHS = {
  'enqueue, 4 queues': ['few-queues', 'enqueue'],
  'drop, 4 queues': ['few-queues', 'drop'],
  'read, 4 queues': ['few-queues', 'read'],
  'enqueue, 256 queues': ['many-queues', 'enqueue'],
  'drop, 256 queues': ['many-queues', 'drop'],
  'read, 256 queues': ['many-queues', 'read'],
  'enqueue, 1 000 devices': ['devices', 'enqueue'],
  'drop, 1 000 devices': ['devices', 'drop'],
  'read, 1 000 devices': ['devices', 'read'],
} as const satisfies Clocked;

type Clocked = Readonly<Record<string, readonly [command: string, figure: string]>>;

export type Path = keyof typeof PATHS;
export type ScaledPath = keyof typeof SCALED_PATHS;

/** Instructions per packet; without the paths that a kernel does not have. */
export type Prices = Readonly<Partial<Record<Path | ScaledPath, number>>>;

export const pathNames: readonly Path[] = namesOf(PATHS);
export const scaledPathNames: readonly ScaledPath[] = namesOf(SCALED_PATHS);
export const SCALES = ['4 queues', '256 queues', '1 000 devices'] as const;

/** Clocked with nothing attached and while a question is open: others see nothing more of it than of a write. */
export const ASKED_PATHS: readonly Path[] = ['forwarded'];
