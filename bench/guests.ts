// SPDX-License-Identifier: Apache-2.0
// The guests in QEMU of the stream cells: started when a cell needs them, kept for the next cells that need the same.

import { errnoOf } from '../src/kernel/error-name.ts';
import { readQdiscs } from '../src/kernel/rtnetlink.ts';
import type { StreamGuests } from './bench-report.ts';
import { type BenchSetup, BRIDGE, DEVICE, Missing, missingIf, RING, SECOND_DEVICE, until } from './bench-setup.ts';
import { bridge, raise, setAddress } from './own-device.ts';
import type { Traffic } from './traffic/traffic.ts';
import { type GuestImage, MOST_SESSIONS, makeGuestImage } from './virtual-machine/guest-files.ts';
import { bootGuest, type GuestMachine, hasKvm, hasVhostNet } from './virtual-machine/guest-machine.ts';

export interface GuestOptions {
  /** The file of its kernel; undefined: the host's. */
  readonly kernel: string | undefined;
  /** undefined: where the host has vhost-net. */
  readonly vhost: boolean | undefined;
}

export interface Guest {
  readonly device: string;
  readonly address: string;
  readonly machine: GuestMachine;
}

/** RFC 2544 keeps these for benchmarks. */
const HOST_ADDRESS = '198.18.0.1';
const PREFIX = 24;
const ENDS = [
  { device: DEVICE, address: '198.18.0.2', number: 1 },
  { device: SECOND_DEVICE, address: '198.18.0.3', number: 2 },
];
const LISTENING_WITHIN_S = 60;
/** Sockets that listen, in /proc/net/tcp. */
const COUNT_LISTENERS = "grep -c ' 0A ' /proc/net/tcp || :";

/** Names of vulnerabilities, a line each; a kernel before 4.15 has no such folder. */
const LIST_MITIGATED = 'cd /sys/devices/system/cpu/vulnerabilities && grep -l ^Mitigation * || :; cd /';

export class Guests {
  readonly #traffic: Traffic;
  readonly #options: GuestOptions;
  readonly #say: (line: string) => void;
  #running: readonly Guest[] = [];
  #queues = 0;
  #hasStarted = false;
  #image: GuestImage | undefined;
  #kvm: boolean;
  #qdisc = '';
  #mitigated: readonly string[] = [];
  /** Why one, or two with a bridge, do not start on this host. */
  readonly #refused = new Map<number, Missing>();

  constructor(traffic: Traffic, options: GuestOptions, say: (line: string) => void) {
    this.#traffic = traffic;
    this.#options = options;
    this.#say = say;
    this.#kvm = hasKvm();
  }

  get vhost(): boolean {
    return this.#options.vhost ?? hasVhostNet();
  }

  /** undefined: none was started. */
  about(): StreamGuests | undefined {
    if (!this.#image || !this.#hasStarted) return undefined;
    return {
      ...{ kernel: this.#image.kernel.release, kvm: this.#kvm, vhost: this.vhost, qdisc: this.#qdisc },
      mitigated: this.#mitigated,
    };
  }

  /** So many guests with so many queues each, whose servers listen. Throws Missing where this host cannot. */
  async provide(setup: BenchSetup, count: number, queues: number): Promise<readonly Guest[]> {
    const refused = this.#refused.get(count);
    if (refused) throw refused;
    if (this.#running.length !== count || this.#queues !== queues) {
      await this.end();
      await this.#start(setup, count, queues).catch((error: unknown) => {
        if (error instanceof Missing) this.#refused.set(count, error);
        throw error;
      });
    }
    for (const { machine } of this.#running) await listening(setup, machine);
    return this.#running;
  }

  async end(): Promise<void> {
    const ending = this.#running;
    this.#running = [];
    for (const { machine } of ending) await machine.end();
  }

  async #start(setup: BenchSetup, count: number, queues: number): Promise<void> {
    if (this.vhost && !hasVhostNet()) throw new Missing('vhost_net cannot be loaded: there is no /dev/vhost-net');
    this.#image ??= await makeGuestImage(this.#options.kernel).catch(missingIf('PROGRAM'));
    const { namespace } = this.#traffic;
    this.#queues = queues;
    for (const end of ENDS.slice(0, count)) {
      this.#say(`a guest boots: ${queues} CPUs, ${this.#kvm ? 'KVM' : 'emulated'}`);
      const machine = await this.#boot(setup, this.#image, end, queues);
      this.#running = [...this.#running, { ...end, machine }];
      this.#mitigated = (await machine.ask(LIST_MITIGATED)).split('\n').filter((name) => name !== '');
      this.#hasStarted = true;
      await raise({ namespace, name: end.device, queues }, RING);
    }
    if (count === 1) await setAddress(namespace, DEVICE, HOST_ADDRESS, PREFIX);
    else
      await bridge(
        namespace,
        BRIDGE,
        ENDS.map(({ device }) => device),
      ).catch(missingIf('BRIDGE'));
    const qdiscs = await readQdiscs(namespace);
    this.#qdisc = [
      ...new Set(qdiscs.map(({ kind }) => kind).filter((kind) => kind !== 'mq' && kind !== 'noqueue')),
    ].join();
    await setup.refresh();
  }

  /** A host may have /dev/kvm and no KVM that starts this guest: then it is emulated. */
  async #boot(
    setup: BenchSetup,
    image: GuestImage,
    { device, address, number }: (typeof ENDS)[number],
    queues: number,
  ): Promise<GuestMachine> {
    const boot = (kvm: boolean): Promise<GuestMachine> =>
      bootGuest({
        ...{ image, namespace: this.#traffic.namespace, device, address: `${address}/${PREFIX}`, number, queues, kvm },
        ...{ vhost: this.vhost, interrupted: setup.interrupted },
      });
    if (this.#kvm) {
      try {
        return await boot(true);
      } catch (error) {
        if (setup.interrupted.aborted) throw error;
        this.#kvm = false;
        this.#say(
          `KVM of this host does not start the guest, which is emulated: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
    return boot(false).catch(missingIf('GUEST'));
  }
}

async function listening(setup: BenchSetup, machine: GuestMachine): Promise<void> {
  const seconds = Math.ceil(LISTENING_WITHIN_S * machine.patience);
  const isSo = async (): Promise<boolean> => Number(await machine.ask(COUNT_LISTENERS)) === MOST_SESSIONS;
  await until("the guest's iperf3 listened", seconds, setup, isSo).catch((error: unknown) => {
    if (setup.interrupted.aborted || errnoOf(error) === 'GUEST') throw error;
    throw new Missing(`the guest's iperf3 did not listen within ${seconds} s`, { cause: error });
  });
}
