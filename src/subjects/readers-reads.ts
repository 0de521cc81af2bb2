// SPDX-License-Identifier: Apache-2.0
// What the readers of a device got by read(), and its programs wrote, around a walk: each account is read before the device's counters and behind them.
import type { ProgramFiles } from '../engine/program-files.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import { isInProc, type ReadCounts, readsOfProcess, readsOfThread } from '../kernel/read-counts.ts';
import type { ProgramReads, ProgramWrites } from '../snapshot/program.ts';

const FIELDS = ['thread', 'tid', 'thread_changed'] as const;
/** A thread that took over within this time may not be the only one. */
const ALONE_NS = 10_000_000_000n;
/** Processes and threads of all devices. */
const MOST_READERS = 64;
/** One that no sample asked for any more. */
const KEPT_SAMPLES = 3;

interface Account {
  /** Before the walk of this sample, and behind it; undefined: it could not be read. */
  before: ReadCounts | undefined;
  after: ReadCounts | undefined;
  unasked: number;
}

export class ReadersReads {
  readonly #slots: MapView;
  readonly #layout: Layout<(typeof FIELDS)[number]>;
  /** By 'PID' of a process or '/TID' of a thread. */
  readonly #accounts = new Map<string, Account>();

  constructor(object: BpfObject) {
    this.#slots = object.mapView('queue_readers');
    this.#layout = layoutOf(object.btf(), 'queue_reader', FIELDS);
  }

  /** Before the walk. */
  begin(): void {
    for (const [key, account] of this.#accounts) {
      account.unasked += 1;
      if (account.unasked > KEPT_SAMPLES) this.#accounts.delete(key);
      else account.before = countsOf(key);
    }
  }

  /** Behind the walk. */
  end(): void {
    for (const [key, account] of this.#accounts) account.after = account.before && countsOf(key);
  }

  /** Nobody asks any more. */
  forget(): void {
    this.#accounts.clear();
  }

  /** A text: why it is not known; undefined: not yet, or there is nothing to know. */
  of(walked: WalkedDevice, holders: readonly ProgramFiles[]): ProgramReads | string | undefined {
    // vhost-net takes packets without any read(), and tells the guest of one that does not fit.
    if (walked.queues.some(({ backend }) => backend !== undefined)) return undefined;
    if (holders.some(({ hasRing }) => hasRing))
      return 'its program has an io_uring or vhost-net open: what is read by that is in no account of the kernel’s';
    const threads = this.#threadsOf(walked);
    const keys = threads?.map((tid) => `/${tid}`) ?? holders.map(({ pid }) => String(pid));
    const areThere = (): boolean => holders.every(({ pid, started }) => isInProc(pid, started));
    const accounts = keys.map((key) => this.#ask(key, areThere));
    if (accounts.includes('full')) return 'too many programs are asked about to read what each of them got';
    if (accounts.includes('unread')) return 'what its program read (/proc/PID/io) cannot be read here';
    const known = accounts.flatMap((account) =>
      typeof account === 'object' && account.before && account.after
        ? [{ before: account.before, after: account.after }]
        : [],
    );
    if (known.length < keys.length) return undefined;
    return {
      readers: [livesOf(holders), ...(threads?.map(String) ?? [])].join(','),
      threads: threads?.length ?? 0,
      bytesBefore: known.reduce((sum, { before }) => sum + before.bytes, 0),
      bytes: known.reduce((sum, { after }) => sum + after.bytes, 0),
      callsBefore: known.reduce((sum, { before }) => sum + before.calls, 0),
      calls: known.reduce((sum, { after }) => sum + after.calls, 0),
    };
  }

  /** Whichever thread writes; undefined: not yet, not to be known, or nothing to know: vhost-net and io_uring write without any write(). */
  writesOf({ queues }: WalkedDevice, holders: readonly ProgramFiles[]): ProgramWrites | undefined {
    if (queues.some(({ backend }) => backend !== undefined) || holders.some(({ hasRing }) => hasRing)) return undefined;
    const known = holders.flatMap(({ pid, started }) => {
      const account = this.#ask(String(pid), () => isInProc(pid, started));
      return typeof account === 'object' && account.before && account.after
        ? [{ before: account.before, after: account.after }]
        : [];
    });
    if (known.length < holders.length) return undefined;
    return {
      writers: livesOf(holders),
      bytesBefore: known.reduce((sum, { before }) => sum + before.written, 0),
      bytes: known.reduce((sum, { after }) => sum + after.written, 0),
      callsBefore: known.reduce((sum, { before }) => sum + before.writes, 0),
      calls: known.reduce((sum, { after }) => sum + after.writes, 0),
    };
  }

  /** The account is read from the next sample on. */
  #ask(key: string, isThere: () => boolean): Account | 'full' | 'unread' {
    const known = this.#accounts.get(key);
    if (known) known.unasked = 0;
    if (known || this.#accounts.size >= MOST_READERS) return known ?? 'full';
    if (!isThere() || countsOf(key) === undefined) return 'unread';
    const account = { before: undefined, after: undefined, unasked: 0 };
    this.#accounts.set(key, account);
    return account;
  }

  /** The threads that read its queues, one each; undefined: one of them is not known, or several take turns. */
  #threadsOf(walked: WalkedDevice): readonly number[] | undefined {
    const { at, size } = this.#layout;
    const now = process.hrtime.bigint();
    const tids = new Set<number>();
    for (const { detached, reader } of walked.queues) {
      if (detached) continue;
      if (reader === undefined) return undefined;
      const base = reader * size;
      const changed = this.#slots.bigint(base + at.thread_changed);
      if (this.#slots.bigint(base + at.thread) === 0n || (changed > 0n && now - changed < ALONE_NS)) return undefined;
      tids.add(this.#slots.u32(base + at.tid));
    }
    return [...tids].sort((a, b) => a - b);
  }
}

function livesOf(holders: readonly ProgramFiles[]): string {
  const lives = holders.map(({ pid, started }) => `${pid} ${started}`);
  return lives.sort().join(',');
}

function countsOf(key: string): ReadCounts | undefined {
  return key.startsWith('/') ? readsOfThread(Number(key.slice(1))) : readsOfProcess(Number(key));
}
