// SPDX-License-Identifier: Apache-2.0
// The guests in QEMU of the stream cells: started when a cell needs them, kept for the next cells that need the same.

import { errnoOf } from '../src/kernel/error-name.ts';
import { readQdiscs } from '../src/kernel/rtnetlink.ts';
import type { Direction, StreamCell, StreamGuests } from './bench-report.ts';
import { type BenchSetup, BRIDGE, DEVICE, Missing, missingIf, RING, SECOND_DEVICE, until } from './bench-setup.ts';
import { EXTERNAL } from './external-host.ts';
import { bridge, deleteLink, makeVeth, raise, setAddress } from './own-device.ts';
import { startTraffic, type Traffic } from './traffic/traffic.ts';
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

/** Who the guest talks to: this host, a namespace behind a veth, or a second guest, the latter two through a bridge. */
type Peer = 'host' | 'external' | 'guest';

export function peerOf(direction: Direction): Peer {
  if (direction === 'guest-to-guest') return 'guest';
  return direction === 'guest-to-external' || direction === 'external-to-guest' ? 'external' : 'host';
}

type Shape = Pick<StreamCell, 'queues' | 'cpus'>;

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
  /** What `provide` was asked for when they started. */
  #serving = '';
  #external: Traffic | undefined;
  #hasStarted = false;
  #image: GuestImage | undefined;
  #kvm: boolean;
  #qdisc = '';
  #mitigated: readonly string[] = [];
  /** Why one, or two with a bridge, do not start on this host. */
  readonly #refused = new Map<Peer, Missing>();

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

  /** The guests of the cell, whose servers listen, and the namespace of their clients. Throws Missing where this host cannot. */
  async provide(
    setup: BenchSetup,
    cell: StreamCell,
  ): Promise<{ readonly ends: readonly Guest[]; readonly clients: Traffic }> {
    const peer = peerOf(cell.direction);
    const refused = this.#refused.get(peer);
    if (refused) throw refused;
    const wanted = `${peer} ${cell.queues} ${cell.cpus}`;
    if (this.#running.length === 0 || this.#serving !== wanted) {
      await this.end();
      this.#serving = wanted;
      await this.#start(setup, peer, { queues: cell.queues, cpus: cell.cpus }).catch((error: unknown) => {
        if (error instanceof Missing) this.#refused.set(peer, error);
        throw error;
      });
    }
    for (const { machine } of this.#running) await listening(setup, machine);
    return { ends: this.#running, clients: this.#external ?? this.#traffic };
  }

  async end(): Promise<void> {
    const [ending, external] = [this.#running, this.#external];
    this.#running = [];
    this.#external = undefined;
    for (const { machine } of ending) await machine.end();
    if (external) await deleteLink(this.#traffic.namespace, EXTERNAL.here).catch(() => undefined);
    await external?.end();
  }

  async #start(setup: BenchSetup, peer: Peer, shape: Shape): Promise<void> {
    if (this.vhost && !hasVhostNet()) throw new Missing('vhost_net cannot be loaded: there is no /dev/vhost-net');
    this.#image ??= await makeGuestImage(this.#options.kernel).catch(missingIf('PROGRAM'));
    const { namespace } = this.#traffic;
    const ends = ENDS.slice(0, peer === 'guest' ? 2 : 1);
    for (const end of ends) {
      this.#say(`a guest boots: ${shape.cpus} CPUs, ${shape.queues} queues, ${this.#kvm ? 'KVM' : 'emulated'}`);
      const machine = await this.#boot(setup, this.#image, end, shape);
      this.#running = [...this.#running, { ...end, machine }];
      this.#mitigated = (await machine.ask(LIST_MITIGATED)).split('\n').filter((name) => name !== '');
      this.#hasStarted = true;
      await raise({ namespace, name: end.device, queues: shape.queues }, RING);
    }
    if (peer === 'host') await setAddress(namespace, DEVICE, HOST_ADDRESS, PREFIX);
    else {
      const ports = [...ends.map(({ device }) => device), ...(peer === 'external' ? [await this.#layCable()] : [])];
      await bridge(namespace, BRIDGE, ports).catch(missingIf('BRIDGE'));
    }
    const qdiscs = await readQdiscs(namespace);
    this.#qdisc = [
      ...new Set(qdiscs.map(({ kind }) => kind).filter((kind) => kind !== 'mq' && kind !== 'noqueue')),
    ].join();
    await setup.refresh();
  }

  /** To a namespace that plays another host; the name of its near end. */
  async #layCable(): Promise<string> {
    this.#external = await startTraffic('external');
    const { pid, namespace } = this.#external;
    const here = { namespace: this.#traffic.namespace, name: EXTERNAL.here, queues: 1 };
    await makeVeth(here.namespace, EXTERNAL.here, EXTERNAL.there, pid).catch(missingIf('EOPNOTSUPP'));
    for (const end of [here, { namespace, name: EXTERNAL.there, queues: 1 }]) await raise(end, RING);
    await setAddress(namespace, EXTERNAL.there, HOST_ADDRESS, PREFIX);
    return EXTERNAL.here;
  }

  /** A host may have /dev/kvm and no KVM that starts this guest: then it is emulated. */
  async #boot(
    setup: BenchSetup,
    image: GuestImage,
    { device, address, number }: (typeof ENDS)[number],
    shape: Shape,
  ): Promise<GuestMachine> {
    const boot = (kvm: boolean): Promise<GuestMachine> =>
      bootGuest({
        ...{
          image,
          namespace: this.#traffic.namespace,
          device,
          address: `${address}/${PREFIX}`,
          number,
          ...shape,
          kvm,
        },
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
