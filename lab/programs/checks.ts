// SPDX-License-Identifier: Apache-2.0
// The four questions that each program is asked: is its owner right, its reader, and are the figures exact, with UDP and TCP.
import { readdirSync, readFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/diagnosis/status.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { totalsOf } from '../../test/agent/agent-lab.ts';
import type { Finished } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import type { LinkCounters } from '../../test/host/counters.ts';
import { until } from '../../test/host/until.ts';
import { sendExactly, tcp, udp } from './counted-traffic.ts';
import type { Stage } from './places.ts';
import type { CheckName, Load, OwnCounts, Running } from './program.ts';

/** How the product is asked: a running agent, and its commands. */
interface Asked {
  snapshot(): Promise<Snapshot>;
  tapscope(...words: readonly string[]): Promise<Finished>;
}

export interface CheckResult {
  readonly check: CheckName;
  /** What is wrong, each with its figures; empty: nothing. */
  readonly wrong: readonly string[];
  /** What was measured. */
  readonly seen: string;
}

/** Both are of one moment at which no packet passed. */
interface Rest {
  readonly device: Device;
  readonly link: LinkCounters;
  readonly own: OwnCounts | undefined;
}

const LOAD: Load = { datagrams: 6000, perSecond: 1500, seconds: 4, calmBits: 8_000_000 };
/** Owners are looked for after the snapshot that shows the queue, readers seen when they sleep. */
const SEEN_WITHIN_MS = 12_000;
/** The window of ten seconds, and thirty in which a finding stands. */
const FORGOTTEN_WITHIN_MS = 60_000;
const NO_TIME = /there was no time for a fresh look/;

export class ProgramCheck {
  readonly #asked: Asked;
  readonly #stage: Stage;
  readonly #running: Running;
  readonly #load: Load;

  constructor(asked: Asked, stage: Stage, running: Running, load = LOAD) {
    this.#asked = asked;
    this.#stage = stage;
    this.#running = running;
    this.#load = load;
  }

  async owner(): Promise<CheckResult> {
    const { pid, comm, program, vm, queues } = this.#running;
    const wanted = `${comm} (pid ${pid}) ${program} ${vm}`.trim();
    let found: readonly string[] = [];
    await until(async () => {
      const device = await this.#device();
      found = device.queues.map(({ owner }) =>
        owner
          ? `${owner.comm} (pid ${owner.pid}) ${owner.identity?.program ?? '?'} ${owner.identity?.vm ?? ''}`.trim()
          : 'none',
      );
      return found.length === queues && found.every((one) => one === wanted);
    }, SEEN_WITHIN_MS);
    const right = found.length === queues && found.every((one) => one === wanted);
    return {
      check: 'owner',
      wrong: right ? [] : [`shown ${found.join(', ')}; it is ${wanted}, ${queues} queues`],
      seen: wanted,
    };
  }

  /** UDP both ways; the reader is judged by who read meanwhile. */
  async udp(): Promise<readonly CheckResult[]> {
    const { near } = this.#stage;
    const { beyond, arrived, pid } = this.#running;
    const before = await this.#rest();
    const [threads, earlier] = [threadReads(pid), await arrived()];
    const sent = await sendExactly(near, beyond, this.#load.datagrams, this.#load.perSecond);
    const reader = await this.#reader(threads, sent);
    const after = await this.#rest();
    const got = (await arrived()) - earlier;
    const wrong = [...differences(before, after), ...ownDifferences(before, after)];
    const lost = after.link.txDropped - before.link.txDropped;
    const taken = after.link.txPackets - before.link.txPackets;
    const seen = `${sent} sent, ${taken} taken by the program, ${lost} dropped, ${got} arrived`;
    // What the program loses later, in its own socket for example, is not lost at the device.
    if (taken + lost < sent || got > taken) wrong.push(seen);
    const iperf = await this.#iperf(after);
    return [reader, { check: 'exact UDP', wrong: [...wrong, ...iperf.wrong], seen: `${seen}${iperf.seen}` }];
  }

  /** What iperf3 sent came to the device as shown, and what its receiver has passed it. Its own connection passes it too. */
  async #iperf(before: Rest): Promise<{ readonly wrong: readonly string[]; readonly seen: string }> {
    const run = await udp(this.#running, this.#stage.near, this.#load.perSecond);
    if (!run) return { wrong: [], seen: '; iperf3 reports no packets' };
    const [was, is] = [shownBy(before), shownBy(await this.#rest())];
    const [offered, delivered] = [is.offered - was.offered, is.delivered - was.delivered];
    const seen = `; iperf3 sent ${run.sent} of ${offered} and received ${run.received} of ${delivered}`;
    return { wrong: run.sent <= offered && run.received <= delivered ? [] : [seen.slice(2)], seen };
  }

  async tcp(): Promise<CheckResult> {
    const { near } = this.#stage;
    const { seconds, calmBits } = this.#load;
    // First: a finding about the load stays active for half a minute after it.
    const calm = await this.#calm(calmBits);
    const before = await this.#rest();
    const there = await tcp(this.#running, near, { seconds, streams: 2 });
    const back = await tcp(this.#running, near, { seconds, streams: 2, reverse: true });
    const after = await this.#rest();
    const wrong = [...differences(before, after), ...ownDifferences(before, after)];
    const packets = after.link.txPackets - before.link.txPackets;
    wrong.push(...fewerBytes('to the program', there.received, after.link.txBytes - before.link.txBytes));
    wrong.push(...fewerBytes('from it', back.received, after.link.rxBytes - before.link.rxBytes));
    const mbit = (bits: number): string => (bits / 1e6).toFixed(0);
    const lacking = unseenOf(after.device) - unseenOf(before.device);
    const marked = after.device.unseen?.split === undefined ? '' : ', and marked';
    const split = lacking > 0 ? `, ${lacking} of them not split by queue${marked}` : '';
    const seen = `${packets} packets${split}, ${mbit(there.bits)} and ${mbit(back.bits)} Mbit/s; ${calm.seen}`;
    return { check: 'exact TCP', wrong: [...wrong, ...calm.wrong], seen };
  }

  /** Sends at a rate at which nothing is lost: `diagnose` and `check` must answer OK. */
  async #calm(rate: number): Promise<{ readonly wrong: readonly string[]; readonly seen: string }> {
    const { near } = this.#stage;
    const scope = ['--netns', near.name, '--json'];
    // What datagrams lost on a busy machine is told for half a minute.
    await until(async () => {
      const { code } = await this.#asked.tapscope('check', this.#running.device, ...scope);
      return code !== EXIT_CODES.warning && code !== EXIT_CODES.critical;
    }, FORGOTTEN_WITHIN_MS);
    const before = await near.link(this.#running.device);
    const traffic = tcp(this.#running, near, { seconds: 9, rate });
    const diagnosed = await this.#asked.tapscope('diagnose', this.#running.device, '--for', '6s', ...scope);
    let checked = await this.#asked.tapscope('check', this.#running.device, ...scope);
    // A busy machine says that it had no time to look: then nothing is judged.
    for (let again = 0; again < 4 && NO_TIME.test(checked.stdout); again += 1)
      checked = await this.#asked.tapscope('check', this.#running.device, ...scope);
    await traffic;
    const lost = (await near.link(this.#running.device)).txDropped - before.txDropped;
    const answers = { diagnose: diagnosed, check: checked };
    const wrong = Object.entries(answers).flatMap(([command, { code, stdout, stderr }]) =>
      code === 0 ? [] : [`${command} exit ${code} with ${lost} lost: ${saidIn(stdout) || stderr.trim()}`],
    );
    return { wrong, seen: `calm TCP: diagnose ${diagnosed.code}, check ${checked.code}, ${lost} lost` };
  }

  async #device(): Promise<Device> {
    const { devices } = await this.#asked.snapshot();
    const found = devices.find(({ netns, name }) => netns === this.#stage.near.inode && name === this.#running.device);
    if (!found) throw new Error(`tapscope shows no ${this.#running.device} in ${this.#stage.near.name}.`);
    return found;
  }

  async #rest(): Promise<Rest> {
    const { device: name, own } = this.#running;
    let rest: Rest | undefined;
    // The agent's figures are final from the second sample of rest on (docs/accounting.md): no packet passed from before the first until after the second.
    let earlier: LinkCounters | undefined;
    await until(async () => {
      const before = await this.#stage.near.link(name);
      const said = await own?.();
      const device = await this.#device();
      const link = await this.#stage.near.link(name);
      const isAtRest = isSame(before, link) && totalsOf(device).waiting === 0;
      if (isAtRest && earlier && isSame(earlier, before)) rest = { device, link, own: said };
      earlier = isAtRest ? link : undefined;
      return rest !== undefined;
    }, 40_000);
    if (!rest) throw new Error(`${name} never came to rest.`);
    return rest;
  }

  async #reader(before: ReadonlyMap<number, ThreadReads>, packets: number): Promise<CheckResult> {
    const { pid } = this.#running;
    const readers = mainReaders(before, threadReads(pid), packets);
    let shown: readonly (number | undefined)[] = [];
    const isRight = (thread: number | undefined): boolean =>
      readers.length === 1 ? thread === readers[0] : thread === undefined || readers.includes(thread);
    await until(async () => {
      shown = (await this.#device()).queues.map(({ reader }) => reader?.thread);
      return shown.some((one) => one !== undefined) && shown.every((one) => one === undefined || isRight(one));
    }, SEEN_WITHIN_MS);
    const seen = `shown ${shown.map((one) => one ?? 'none').join(', ')}; by its own system calls ${readers.join(', ') || 'several'}`;
    const wrong = shown.every(isRight) || (shown.length > 1 && shown.some(isRight)) ? [] : [seen];
    return { check: 'reader', wrong, seen };
  }
}

function isSame(one: LinkCounters, other: LinkCounters): boolean {
  return one.txPackets === other.txPackets && one.rxPackets === other.rxPackets && one.txDropped === other.txDropped;
}

/** Packets that a device of several queues has and that its queues' sum lacks, as the device says. */
function unseenOf({ queues, unseen }: Device): number {
  return queues.length > 1 ? (unseen?.enqueued ?? 0) : 0;
}

/** What is shown for the device as a whole. */
function shownBy({ device }: Rest): { readonly delivered: number; readonly dropped: number; readonly offered: number } {
  const { delivered, offered, dropped } = totalsOf(device);
  const unseen = unseenOf(device);
  const untraced = device.queues.length > 1 ? (device.unseen?.dropped ?? 0) : 0;
  const drops = Object.values(dropped).reduce((sum, one) => sum + one, 0) + untraced;
  return { delivered: delivered + unseen, dropped: drops, offered: offered + unseen + untraced };
}

/** What tapscope shows against the kernel, between two moments at rest. */
function differences(before: Rest, after: Rest): string[] {
  const [was, is] = [shownBy(before), shownBy(after)];
  const tx = after.link.txPackets - before.link.txPackets;
  const lost = after.link.txDropped - before.link.txDropped;
  const figures: readonly (readonly [string, number, number])[] = [
    ['delivered', is.delivered - was.delivered, tx],
    ['dropped', is.dropped - was.dropped, lost],
    ['offered', is.offered - was.offered, tx + lost],
    ['received', after.device.counters?.rxPackets ?? -1, after.link.rxPackets],
  ];
  const wrong = figures.flatMap(([name, shown, kernel]) =>
    shown === kernel ? [] : [`${name}: shown ${shown}, the kernel ${kernel}`],
  );
  const marks = new Set([after.device, ...after.device.queues].flatMap(({ degraded }) => degraded));
  // The device is exact; what its queues lack is in its own counter. That this is no alarm the answers to calm TCP say.
  const split = after.device.unseen?.split;
  if (split !== undefined) marks.delete(split);
  return marks.size > 0 ? [...wrong, `marked inexact: ${[...marks].join('; ')}`] : wrong;
}

/** Packets of the device have headers, besides what iperf3's receiver had. */
function fewerBytes(way: string, received: number, passed: number): readonly string[] {
  return received <= passed ? [] : [`iperf3 received ${received} bytes ${way}, and ${passed} passed the device`];
}

/** What the program counted itself against the kernel. */
function ownDifferences(before: Rest, after: Rest): string[] {
  if (!before.own || !after.own) return [];
  const { unit, of } = after.own;
  const kernel = ({ link }: Rest): readonly [number, number] =>
    unit === 'bytes' ? [link.txBytes, link.rxBytes] : [link.txPackets, link.rxPackets];
  const [tx, rx] = [kernel(after)[0] - kernel(before)[0], kernel(after)[1] - kernel(before)[1]];
  const [taken, given] = [after.own.taken - before.own.taken, after.own.given - before.own.given];
  return [
    ...(taken === tx ? [] : [`${of}: ${taken} ${unit} from the device, the kernel ${tx}`]),
    ...(given === rx ? [] : [`${of}: ${given} ${unit} to the device, the kernel ${rx}`]),
  ];
}

function saidIn(stdout: string): string {
  const json = stdout.startsWith('{') ? parseJson(stdout) : undefined;
  const findings = listAt({ findings: at(json, 'findings') ?? [] }, 'findings');
  const doubts = listAt({ inconclusive: at(json, 'inconclusive') ?? [] }, 'inconclusive');
  const causes = findings.map((one) => at(one, 'cause'));
  return [at(json, 'verdict'), ...causes, ...doubts].map(String).join('; ');
}

// Which thread of a program really reads: by the kernel's own count of each thread's read calls.
interface ThreadReads {
  /** `syscr` of /proc/PID/task/TID/io: calls of read and readv; those of recvmsg are not among them. */
  readonly calls: number;
}

/** The counts by thread. */
function threadReads(pid: number): ReadonlyMap<number, ThreadReads> {
  return new Map(
    readdirSync(`/proc/${pid}/task`).map((tid) => {
      const text = readFileSync(`/proc/${pid}/task/${tid}/io`, 'utf8');
      return [Number(tid), { calls: Number(/^syscr: (\d+)$/m.exec(text)?.[1]) }];
    }),
  );
}

/** Threads that read at least so large a share of the packets. One with nearly all is the reader; several take turns. */
const SOLE = 0.9;
const SOME = 0.01;

/** The reader alone, or all that took turns. */
function mainReaders(
  before: ReadonlyMap<number, ThreadReads>,
  after: ReadonlyMap<number, ThreadReads>,
  packets: number,
): readonly number[] {
  const calls = [...after].map(([tid, now]) => ({ tid, calls: now.calls - (before.get(tid)?.calls ?? 0) }));
  const total = calls.reduce((sum, one) => sum + one.calls, 0);
  const sole = calls.find((one) => one.calls >= SOLE * Math.max(total, 1));
  if (sole && sole.calls >= packets / 2) return [sole.tid];
  return calls.filter((one) => one.calls >= SOME * packets).map(({ tid }) => tid);
}
