// SPDX-License-Identifier: Apache-2.0
// What is attached while the packet paths are clocked, and what it may add.
import type { Level } from '../../src/engine/mechanism.ts';
import { EVENTS } from '../../src/subjects/list.ts';
import type { Path, ScaledPath } from './packet-paths.ts';
import { TOOLS, type Tool } from './tools.ts';

export type Attached =
  | { readonly kind: 'nothing' }
  /** The product's own probes: event -> mechanism as in `--mechanism`; what is not named is chosen as always. */
  | { readonly kind: 'product'; readonly level: Level; readonly forced: Readonly<Record<string, string>> }
  /** The same at level exact, with each mechanism that is used on demand only and that this kernel has. */
  | { readonly kind: 'everything' }
  /** What `tapscope drops` attaches while it runs; `rate`: single packets a second. */
  | { readonly kind: 'follow'; readonly rate: number; readonly mechanism: string }
  /** What is attached while a person asks, and nothing else. */
  | { readonly kind: 'asked'; readonly forced: Readonly<Record<string, string>> }
  /** Programs of an object of the lab. */
  | { readonly kind: 'object'; readonly object: 'empty' | 'exporter'; readonly programs: readonly string[] }
  | { readonly kind: 'tool'; readonly tool: Tool };

export interface Configuration {
  readonly name: string;
  readonly group: string;
  readonly attached: Attached;
  /** Paths that it does see: a tool that adds nothing to them was not at work. */
  readonly sees: readonly Path[];
  /** A rival: it counts drops as we do. */
  readonly byDeviceAndReason: boolean;
  /** The most instructions that a packet may cost more than with nothing attached. */
  readonly limits: Readonly<Partial<Record<Path | ScaledPath, number>>>;
}

export const BASELINE = 'nothing';
export const DEFAULT_LEVEL = 'level exact';
/** Where packets come that others hold too, or a device has IFF_BACKPRESSURE. */
export const EXIT_HOOKED = `${DEFAULT_LEVEL}, exit hooked`;
export const LEAN_LEVEL = 'level lean';
export const RAW_MODE = 'raw mode';
/** Where all is well: the default. */
export const REST_LEVEL = 'level rest';
/** The same where no function can be traced. */
export const REST_RAW = 'raw mode at rest';
/** What a question adds to these, about a device of which the packet is. */
export const ASKED = 'while a question is open';
/** The peer that counts as much as level exact. */
export const COUNTS_ALL = 'pattern of ebpf_exporter: all of it';

/** What may not grow. */
export const GUARDED: readonly string[] = [REST_LEVEL, LEAN_LEVEL, DEFAULT_LEVEL, REST_RAW, RAW_MODE];
/** Clocked with one ring alone: a device of several queues keeps its reads counted at rest. */
const OF_ONE_RING: readonly string[] = [REST_LEVEL, REST_RAW];

/** What this tree's programs are, and what they are compared with. */
export function isOurs({ name, group }: Configuration): boolean {
  return name === BASELINE || group === PRODUCT;
}

/** Clocked with many devices and queues too. */
export function isScaled({ name }: Pick<Configuration, 'name'>): boolean {
  return name === BASELINE || (GUARDED.includes(name) && !OF_ONE_RING.includes(name));
}

const HOOKS = 'Hooks with empty programs';
const PRODUCT = 'tapscope';
const OTHERS = 'Other tools';

export const CONFIGURATIONS: readonly Configuration[] = [
  configuration(BASELINE, '', { kind: 'nothing' }, []),
  empty('fentry', ['transmit_fentry'], ['enqueue', 'drop']),
  empty('fentry and fexit', ['transmit_fentry', 'transmit_fexit'], ['enqueue', 'drop']),
  empty('fsession', ['transmit_fsession'], ['enqueue', 'drop']),
  empty('raw tracepoint kfree_skb', ['freed_raw'], ['drop', 'foreign drop']),
  empty('raw tracepoints of transmit', ['offered_raw', 'sent_raw'], ['enqueue', 'foreign packet']),
  empty('fentry of the wake after a read', ['consumed_fentry'], ['read']),
  product('transmit by fentry', only({ ended: 'fentry', transmit: 'fentry' })),
  product('transmit by raw tracepoints', only({ transmit: 'raw-tracepoint' })),
  product('freed by tp_btf', only({ ended: 'fentry', freed: 'tp_btf' })),
  product('freed by raw tracepoint', only({ freed: 'raw-tracepoint' })),
  product('consumed by fentry', only({ ended: 'fentry', consumed: 'fentry' })),
  limited(product(REST_LEVEL, {}, 'rest'), {
    enqueue: 0,
    drop: 175,
    read: 0,
    'foreign packet': 0,
    'foreign drop': 150,
    'drop without device': 150,
    'vhost consume': 0,
  }),
  limited(product(LEAN_LEVEL, {}, 'lean'), {
    enqueue: 0,
    drop: 175,
    read: 180,
    'foreign drop': 150,
    'drop without device': 150,
    'vhost consume': 12,
    'stop and wake': 420,
    'foreign wake': 840,
    'enqueue, 4 queues': 0,
    'enqueue, 256 queues': 0,
    'enqueue, 1 000 devices': 0,
  }),
  limited(product(DEFAULT_LEVEL, { 'transmit-exit': 'waiting' }), {
    enqueue: 220,
    drop: 420,
    read: 180,
    'foreign drop': 150,
    'drop without device': 150,
    'vhost consume': 12,
    'foreign wake': 840,
    'enqueue, 4 queues': 240,
    'enqueue, 256 queues': 240,
    'enqueue, 1 000 devices': 240,
  }),
  limited(product(EXIT_HOOKED, { 'transmit-exit': 'fexit' }), {
    enqueue: 400,
    drop: 620,
    'stop and wake': 1000,
  }),
  configuration('level exact, and all that is on demand', PRODUCT, { kind: 'everything' }, []),
  limited(product(`${DEFAULT_LEVEL}, before=off`, { before: 'off', 'transmit-exit': 'waiting' }), {
    'foreign drop': 130,
  }),
  limited(product(RAW_MODE, only({ transmit: 'raw-tracepoint', freed: 'raw-tracepoint', before: 'raw-tracepoint' })), {
    enqueue: 600,
    drop: 1000,
    read: 0,
    'foreign packet': 280,
  }),
  limited(
    product(REST_RAW, only({ transmit: 'arithmetic', freed: 'raw-tracepoint', before: 'raw-tracepoint' }), 'rest'),
    { enqueue: 0, read: 0, 'foreign packet': 0 },
  ),
  limited(configuration(ASKED, PRODUCT, { kind: 'asked', forced: only({}) }, ['enqueue', 'forwarded']), {
    enqueue: 360,
    drop: 640,
    read: 0,
    'foreign packet': 330,
    'foreign drop': 480,
    'drop without device': 190,
    write: 240,
    forwarded: 1100,
  }),
  follow('drops --follow', 0, 'tp_btf'),
  follow('drops --follow --packets', 100, 'tp_btf'),
  follow('drops --follow, raw tracepoint', 0, 'raw-tracepoint'),
  rival(exporter('drops, tp_btf', ['drops_typed'], ['drop', 'foreign drop'])),
  rival(exporter('drops, tracepoint', ['drops_tracepoint'], ['drop', 'foreign drop'])),
  exporter('packets, kprobe', ['packets_kprobe'], ['enqueue', 'drop']),
  exporter('all of it', ['drops_typed', 'packets_kprobe', 'reads_kprobe'], ['enqueue', 'drop', 'read']),
  ...TOOLS.map(toolConfiguration),
];

/** What is not named is off, but for the walk, which no packet pays for. */
function only(mechanisms: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const off = EVENTS.map(({ name }) => [name, name === 'devices' ? 'walk' : 'off'] as const);
  return { ...Object.fromEntries(off), ...mechanisms };
}

function configuration(name: string, group: string, attached: Attached, sees: readonly Path[]): Configuration {
  return { name, group, attached, sees, byDeviceAndReason: false, limits: {} };
}

function empty(name: string, programs: readonly string[], sees: readonly Path[]): Configuration {
  return configuration(name, HOOKS, { kind: 'object', object: 'empty', programs }, sees);
}

function product(name: string, forced: Readonly<Record<string, string>>, level: Level = 'exact'): Configuration {
  return configuration(name, PRODUCT, { kind: 'product', level, forced }, []);
}

function limited(product: Configuration, limits: Configuration['limits']): Configuration {
  return { ...product, limits };
}

/** Without an agent beside it. */
function follow(name: string, rate: number, mechanism: string): Configuration {
  return configuration(name, PRODUCT, { kind: 'follow', rate, mechanism }, ['drop']);
}

function exporter(name: string, programs: readonly string[], sees: readonly Path[]): Configuration {
  const attached: Attached = { kind: 'object', object: 'exporter', programs };
  return configuration(`pattern of ebpf_exporter: ${name}`, OTHERS, attached, sees);
}

function toolConfiguration(tool: Tool): Configuration {
  const { name, sees, byDeviceAndReason } = tool;
  return { ...configuration(name, OTHERS, { kind: 'tool', tool }, sees), byDeviceAndReason };
}

function rival(tool: Configuration): Configuration {
  return { ...tool, byDeviceAndReason: true };
}
