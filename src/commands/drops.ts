// SPDX-License-Identifier: Apache-2.0
// `tapscope drops`: losses as they happen, second by second or packet by packet.
import type { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { type Followed, LossFollower } from '../agent/loss-follower.ts';
import { closestName, didYouMean } from '../diagnosis/closest-name.ts';
import { devicesIn } from '../diagnosis/devices-in.ts';
import { isOrdinaryEnd } from '../diagnosis/reasons/explain.ts';
import { isEverything, narrowed, queueIn, type Scope } from '../diagnosis/scope.ts';
import { ownNamespace } from '../kernel/namespaces.ts';
import { onEndingSignal } from '../kernel/processes/ending-signal.ts';
import { UnknownReason } from '../losses/follow-object.ts';
import type { LossSecond } from '../losses/loss-accounting.ts';
import type { IsLoss } from '../losses/losses-elsewhere.ts';
import { jsonLines, type LossLines, textLines } from '../outputs/drops-text.ts';
import { tapscope } from '../own-command.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { parseForced } from '../subjects/list.ts';
import type { DropsOptions } from './options/drops-options.ts';
import { layoutOf } from './terminal/terminal.ts';
import { hintLine } from './terminal/wait-hint.ts';

const SECOND_MS = 1000;
/** Packets lie in the ring buffer for so long at most. */
const DRAIN_MS = 200;

const isLoss: IsLoss = (drop, device) => !isOrdinaryEnd(drop, device);

/** Resolves at the end, however it came. Throws one sentence if losses cannot be followed. */
export async function drops(options: DropsOptions, mechanisms: readonly string[]): Promise<void> {
  const { rate, stacks, reason, json, lines: limit, forMs, scope } = options;
  const forced = parseForced(mechanisms);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const gone = watchPipes(end);
  const width = process.stdout.isTTY ? layoutOf(process.stdout).width : undefined;
  const lines = json
    ? jsonLines()
    : textLines({ ownNetns: await ownNamespace(), rate, width, watched: watchedOf(scope, reason) });
  const hint = hintLine();
  hint.show('Attaching probes');
  const follower = await LossFollower.start(followedBy(scope), { rate, stacks, reason, isLoss }, forced)
    .catch(explained)
    .finally(hint.clear);
  const timer = forMs === undefined ? undefined : setTimeout(end, forMs);
  try {
    onEndingSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], end);
    const printer = new Printer(lines, limit, end);
    process.stdout.write(lines.start(Date.now() / 1000));
    await (rate > 0 ? tellPackets(follower, printer, ending.signal) : tellSeconds(follower, printer, ending.signal));
    const out = gone() || !json ? process.stderr : process.stdout;
    await flushed(out, lines.summary(Date.now() / 1000, follower.summary()));
  } finally {
    clearTimeout(timer);
    follower.close();
  }
}

function explained(error: unknown): never {
  if (!(error instanceof UnknownReason)) throw error;
  const meant = didYouMean(closestName(error.reason, error.known));
  throw new Error(
    `This kernel has no drop reason ${error.reason}${meant}; write one as '${tapscope('drops')}' shows it, such as FULL_RING.`,
    { cause: error },
  );
}

/** 'vnet1', 'the devices of VM web1', 'every tun and tap of this host'; of a reason alone, for that. */
function watchedOf({ device, netns, vm, pod, process: program }: Scope, reason: string | undefined): string {
  const of = [vm && `VM ${vm}`, pod && `pod ${pod}`, program && `process ${program}`, netns && `namespace ${netns}`];
  const owners = of.filter(Boolean).join(', ');
  const where = owners === '' ? '' : ` of ${owners}`;
  const what = device === undefined ? `every tun and tap${where || ' of this host'}` : `${device}${where}`;
  return `${what}${reason === undefined ? '' : `, for packets with the reason ${reason} alone`}`;
}

function followedBy(scope: Scope): Followed {
  const later = (snapshot: Snapshot): readonly Device[] => narrowed(snapshot, scope).devices.filter(isThroughTun);
  const first = (snapshot: Snapshot): readonly Device[] => {
    const [other] = devicesIn(snapshot, scope).filter((device) => !isThroughTun(device));
    const devices = later(snapshot);
    if (devices.length > 0 || !other) return devices;
    throw new Error(
      `${visible(other.name)} is a ${other.kind}, whose losses cannot be followed; tapscope_macvtap_dropped_packets_total counts them.`,
    );
  };
  return { narrow: !isEverything(scope), first, later, queue: (snapshot) => queueIn(snapshot, scope) };
}

function isThroughTun({ kind }: Device): boolean {
  return kind === 'tap' || kind === 'tun';
}

/** Prints until its limit. */
class Printer {
  readonly lines: LossLines;
  readonly #end: () => void;
  #left: number;

  constructor(lines: LossLines, limit: number | undefined, end: () => void) {
    this.lines = lines;
    this.#end = end;
    this.#left = limit ?? Number.POSITIVE_INFINITY;
  }

  /** How many were printed. */
  print(lines: readonly string[]): number {
    const printed = lines.slice(0, this.#left);
    process.stdout.write(printed.join(''));
    this.#left -= printed.length;
    if (this.#left === 0) this.#end();
    return printed.length;
  }
}

async function tellSeconds(follower: LossFollower, printer: Printer, ending: AbortSignal): Promise<void> {
  const tell = ({ losses, elsewhere }: LossSecond): void => {
    const at = Date.now() / 1000;
    printer.print([...losses, ...elsewhere].map((loss) => printer.lines.loss(at, loss)));
  };
  while (await passed(SECOND_MS, ending)) tell(await follower.second());
  tell(await follower.end());
}

async function tellPackets(follower: LossFollower, printer: Printer, ending: AbortSignal): Promise<void> {
  const tell = (): void => {
    const { packets, stacks } = follower.take();
    const at = Date.now() / 1000;
    process.stdout.write(stacks.map((stack) => printer.lines.stack(at, stack)).join(''));
    follower.printed(printer.print(packets.map(printer.lines.packet)));
  };
  const sum = ({ notShown }: LossSecond): void => {
    process.stdout.write(printer.lines.notShown(Date.now() / 1000, notShown));
  };
  for (let next = performance.now() + SECOND_MS; await passed(DRAIN_MS, ending); ) {
    tell();
    if (performance.now() < next) continue;
    next += SECOND_MS;
    sum(await follower.second());
  }
  const last = await follower.end();
  tell();
  sum(last);
}

/** False: the end came first. */
async function passed(ms: number, ending: AbortSignal): Promise<boolean> {
  return wait(ms, true, { signal: ending }).catch(() => false);
}

/** The program that read our lines has ended: print the summary to stderr and end. */
function watchPipes(end: () => void): () => boolean {
  let gone = false;
  process.stdout.on('error', () => {
    gone = true;
    end();
  });
  process.stderr.on('error', () => undefined);
  return () => gone;
}

function flushed(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}
