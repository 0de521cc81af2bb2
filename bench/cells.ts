// SPDX-License-Identifier: Apache-2.0
// All cells of the tables, in the order in which they are shown.
import type { DocumentName } from '../src/commands/bench.ts';
import {
  type Cell,
  DIRECTIONS,
  FLOWS,
  type MessageCell,
  PATH_QDISCS,
  type PathCell,
  READERS,
  STREAM_SIZES,
  type StreamCell,
} from './bench-report.ts';

const COUNTS = [1, 4] as const;
/** What iperf3 sends over UDP, headers included. */
const UDP_SIZE = 1490;
/** Below 256 bytes vhost-net always copies; the others are those of the zero-copy series. */
const MESSAGE_SIZES = [128, 1024, 4096, 8192, 16_384, 65_000] as const;

/** The device of the mail; they need its module: `--table zero-copy` or `--only` must ask for them. */
const MACVTAP_CELLS: readonly MessageCell[] = MESSAGE_SIZES.flatMap((size) =>
  [false, true].map((zeroCopy) => ({
    kind: 'message' as const,
    id: `zero-copy/macvtap/${zeroCopy ? 'on' : 'off'}/size=${size}`,
    ...{ device: 'macvtap' as const, zeroCopy, size },
  })),
);

/** The reader has a CPU that pktgen does not have: `--table wake` or `--only` must ask for them. */
const APART_CELLS: readonly Cell[] = READERS.flatMap((reader) =>
  (['tail-drop', 'backpressure', 'through-qdisc'] as const).map((flow) => ({
    kind: 'send' as const,
    id: `${reader}/threads=1/queues=1/apart/${flow}`,
    ...{ reader, flow, threads: 1, queues: 1, pinned: true, apart: true as const, shape: 'sample01' as const },
  })),
);

const SESSIONS = [1, 2, 4, 8] as const;
/** Of the mail's multiqueue driver, then of its single-queue driver: of one CPU, both have one queue. */
const STREAM_GUESTS = [
  ...[1, 2, 4, 8].map((cpus) => ({ queues: cpus, cpus })),
  ...[2, 4, 8].map((cpus) => ({ queues: 1, cpus })),
];

/** Guests in QEMU: `--table multiqueue` or `--only` must ask for them, for all other cells need no guest to boot. */
const STREAM_CELLS: readonly StreamCell[] = STREAM_GUESTS.flatMap(({ queues, cpus }) =>
  DIRECTIONS.flatMap((direction) =>
    STREAM_SIZES.flatMap((size) =>
      SESSIONS.map((sessions) => ({
        kind: 'stream' as const,
        id: `stream/${direction}/size=${size ?? 'default'}/sessions=${sessions}/queues=${queues}${queues === cpus ? '' : `/smp=${cpus}`}`,
        ...{ direction, size, sessions, queues, cpus },
      })),
    ),
  ),
);

/** What is measured where no cell is named. */
const USUAL_CELLS: readonly Cell[] = [
  ...READERS.flatMap((reader) =>
    COUNTS.flatMap((threads) =>
      COUNTS.flatMap((queues) =>
        [false, true].flatMap((pinned) =>
          FLOWS.map((flow) => ({
            kind: 'send' as const,
            id: `${reader}/threads=${threads}/queues=${queues}/${pinned ? 'pinned' : 'free'}/${flow}`,
            ...{ reader, flow, threads, queues, pinned, shape: 'sample01' as const },
          })),
        ),
      ),
    ),
  ),
  ...MESSAGE_SIZES.flatMap((size) =>
    [false, true].map((zeroCopy) => ({
      kind: 'message' as const,
      id: `zero-copy/${zeroCopy ? 'on' : 'off'}/size=${size}`,
      ...{ zeroCopy, size },
    })),
  ),
  ...READERS.flatMap((reader) =>
    (['tail-drop', 'backpressure'] as const).map((flow) => ({
      kind: 'send' as const,
      id: `${reader}/threads=1/queues=1/free/${flow}/sample03`,
      ...{ reader, flow, threads: 1, queues: 1, pinned: false, shape: 'sample03' as const },
    })),
  ),
  { kind: 'pair', id: `guest-to-guest/size=${UDP_SIZE}`, size: UDP_SIZE },
];

/** They need iperf3 and seconds of slow start: `--table latency` or `--only` must ask for them. */
const PATH_CELLS: readonly PathCell[] = PATH_QDISCS.map((qdisc) => ({
  kind: 'path',
  id: `vpn/${qdisc === 'tail-drop' ? 'drop' : `stop-${qdisc}`}`,
  qdisc,
}));

export const ALL_CELLS: readonly Cell[] = [
  ...USUAL_CELLS,
  ...APART_CELLS,
  ...MACVTAP_CELLS,
  ...STREAM_CELLS,
  ...PATH_CELLS,
];

const DOCUMENT_CELLS: Readonly<Record<DocumentName, RegExp>> = {
  // And the tables of the thread in which vhost-net is pinned, with one thread of pktgen and with four.
  v7: /\/threads=1\/queues=1\/free\/(tail-drop|backpressure)(\/sample03)?$|^vhost\/threads=[14]\/queues=1\/pinned\/(tail-drop|backpressure)$/,
  v8: /\/threads=1\/queues=1\/pinned\/(tail-drop|no-qdisc|backpressure)$/,
  wake: /\/threads=1\/queues=1\/(pinned|apart)\/(tail-drop|backpressure|through-qdisc)$/,
  profile: /\/threads=1\/queues=1\/free\/(tail-drop|backpressure)$/,
  napi: /^guest-to-guest\//,
  'zero-copy': /^zero-copy\/.*=(4096|8192|16384|65000)$/,
  multiqueue: /^stream\//,
  latency: /^vpn\//,
};

/** The cells whose id `--only` finds, of a document or of all; throws one sentence if there are none. */
export function chooseCells(only: string | undefined, table?: DocumentName, usual = USUAL_CELLS): readonly Cell[] {
  const cells = ALL_CELLS.filter(({ id }) => table === undefined || DOCUMENT_CELLS[table].test(id));
  if (only === undefined) return table === undefined ? usual : cells;
  const wanted = expression(only);
  const chosen = cells.filter(({ id }) => wanted.test(id));
  if (chosen.length > 0) return chosen;
  const [first, last] = [cells[0]?.id, cells.at(-1)?.id];
  throw new Error(
    `--only=${only} names none of the ${cells.length} cells${table ? ` of ${table}` : ''}; they are called from ${first} to ${last}.`,
  );
}

function expression(only: string): RegExp {
  try {
    return new RegExp(only);
  } catch (cause) {
    throw new Error(`--only=${only} is no regular expression: ${cause instanceof Error ? cause.message : cause}.`, {
      cause,
    });
  }
}
