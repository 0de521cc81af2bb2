// SPDX-License-Identifier: Apache-2.0
// What a case plays with: a running program, traffic whose every datagram is counted at both ends, and what is undone afterwards.
import { setTimeout as wait } from 'node:timers/promises';
import type { NamespaceLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { arrivals, type Flow, flow, SINK_PORT, UDP_SINK } from './counted-traffic.ts';
import { type Stage, startProcess } from './places.ts';
import type { Running } from './program.ts';

/** Nothing more arrives when nothing did for so long. */
const SETTLED_MS = 300;
const MOST_SETTLING_MS = 4000;

interface SendOptions {
  /** A namespace of the stage; undefined: that of the device. */
  readonly from?: NamespaceLab;
  readonly to?: string;
  readonly size?: number;
  /** So many at once. */
  readonly lump?: number;
}

/** Packets that were sent, and did not come out where they should. */
export interface Truth {
  readonly sent: number;
  /** undefined: what lies beyond could not be asked. */
  readonly arrived: number | undefined;
  readonly txDropped: number;
  readonly rxDropped: number;
  /** Bytes that passed the device towards the program, and from it. */
  readonly taken: number;
  readonly given: number;
  /** By how much a case's own figure grew; undefined: it has none. */
  readonly harm?: number | undefined;
}

type Counts = Omit<Truth, 'sent' | 'arrived'> & { readonly arrived: number };

export class Scene {
  readonly stage: Stage;
  readonly running: Running;
  /** The device that is judged; a case may choose another. */
  device: string;
  readonly #undo: (() => Promise<unknown>)[] = [];
  readonly #flows: Flow[] = [];
  #guestSent: (() => Promise<number>) | undefined;
  #arrived: (() => Promise<number>)[] = [];
  #before: Counts = { arrived: 0, txDropped: 0, rxDropped: 0, taken: 0, given: 0 };

  constructor(stage: Stage, running: Running) {
    this.stage = stage;
    this.running = running;
    this.device = running.device;
  }

  get near(): NamespaceLab {
    return this.stage.near;
  }

  after(undo: () => Promise<unknown>): void {
    this.#undo.push(undo);
  }

  async begin(): Promise<void> {
    this.#arrived = [this.running.arrived, await arrivals(this.near)];
    this.after(() => this.near.exec('nft', 'delete', 'table', 'ip', 'arrived'));
    this.#before = await this.#count();
    if (Number.isNaN(this.#before.arrived)) throw new Error('What arrives cannot be counted.');
  }

  /** Towards the program; answers the sender's process. */
  async send(
    perSecond: number,
    { from = this.near, to = this.running.beyond, size, lump }: SendOptions = {},
  ): Promise<number> {
    const one = await flow(from, to, perSecond, size, lump);
    this.#flows.push(one);
    this.after(() => one.stop());
    return one.pid;
  }

  /** Sends from beyond the program to the device's own host; a guest sends a hundred at once, five times a second. */
  async sendBack(perSecond: number): Promise<void> {
    const { vm, here, remote } = this.running;
    this.run(this.near, ...UDP_SINK);
    if (vm === '') {
      await this.send(perSecond, { from: this.stage.far, to: here });
      return;
    }
    const sent = async (): Promise<number> => Number(await remote('cat /sys/class/net/eth0/statistics/tx_packets'));
    const before = await sent();
    this.#guestSent = async () => (await sent()) - before;
    const burst = `socat -u -b500 OPEN:/dev/zero,readbytes=50000 UDP4-SENDTO:${here}:${SINK_PORT}`;
    await remote(`(while [ ! -e /tmp/quiet ]; do ${burst}; sleep 0.2; done) >/dev/null 2>&1 &`);
    this.after(() => remote('touch /tmp/quiet; sleep 0.5; rm /tmp/quiet'));
  }

  /** Until the case is over. */
  run(lab: NamespaceLab | undefined, ...words: readonly string[]): number {
    return startProcess({ after: (step) => this.after(async () => step()) }, lab?.name, words).pid;
  }

  /** Before anything is undone. What was sent last has to arrive first. */
  async truth(): Promise<Truth> {
    let sent = 0;
    for (const one of this.#flows) sent += await one.stop();
    sent += (await this.#guestSent?.()) ?? 0;
    if (sent === 0 && (this.#flows.length > 0 || this.#guestSent)) throw new Error('Nothing was sent.');
    let now = await this.#count();
    await until(async () => {
      if (Number.isNaN(now.arrived)) return true;
      await wait(SETTLED_MS);
      const before = now;
      now = await this.#count();
      return now.arrived === before.arrived;
    }, MOST_SETTLING_MS);
    return {
      sent,
      arrived: Number.isNaN(now.arrived) ? undefined : now.arrived - this.#before.arrived,
      txDropped: now.txDropped - this.#before.txDropped,
      rxDropped: now.rxDropped - this.#before.rxDropped,
      taken: now.taken - this.#before.taken,
      given: now.given - this.#before.given,
    };
  }

  async end(): Promise<void> {
    for (let step = this.#undo.pop(); step; step = this.#undo.pop()) await step().catch(() => {});
  }

  async #count(): Promise<Counts> {
    // A guest that is stopped cannot be asked: then what the kernel dropped is known, and no more.
    const counts = await Promise.all(this.#arrived.map((one) => one().catch(() => Number.NaN)));
    const arrived = counts.reduce((sum, one) => sum + one, 0);
    const { txDropped, rxDropped, txBytes, rxBytes } = await this.near.link(this.running.device);
    return { arrived, txDropped, rxDropped, taken: txBytes, given: rxBytes };
  }
}
