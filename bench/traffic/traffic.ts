// SPDX-License-Identifier: Apache-2.0
// The product's own traffic program (bench/traffic/), in a network namespace of its own. All that it makes ends with it, and it
// ends with this process. With vhost-module.ts the only place that starts a program, for `tapscope bench` and `tapscope demo` alone.
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { errnoOf } from '../../src/kernel/error-name.ts';
import { packageFile } from '../../src/kernel/package.ts';
import { type Ask, endChild, lineProtocol } from './line-protocol.ts';

export interface Traffic {
  readonly pid: number;
  /** Inode number of its namespace. */
  readonly netns: number;
  /** A path that leads to its namespace. */
  readonly namespace: string;
  /** The folder of pktgen's files in its namespace. */
  readonly generators: string;
  /** Opens a queue of a tap, and makes it with the first, or of a macvtap; false: asked for backpressure, this kernel's tun has none. */
  open(id: string, device: string, flags: readonly QueueFlag[], kind?: 'tun' | 'tap' | 'macvtap'): Promise<boolean>;
  close(id: string): Promise<void>;
  /** Readers and guests that come from now on; undefined: on all CPUs. */
  pin(cpu: number | undefined): Promise<void>;
  /** Reads `rate` packets a second at most, with `work` microseconds of CPU for each; rate 0: all. */
  read(id: string, pace?: { readonly rate?: number; readonly work?: number }): Promise<void>;
  stopReading(id: string): Promise<number>;
  /** A guest by vhost-net; `buffer`: bytes of each of its buffers. */
  guest(id: string, options: { readonly entries: number; readonly buffer: number }): Promise<void>;
  receive(id: string): Promise<void>;
  stopReceiving(id: string): Promise<void>;
  /**
   * Guest to host, for so long; messages that vhost-net has taken and given back, and the time until then. unicast: to an
   * address that only a bridge passes on.
   */
  send(id: string, size: number, seconds: number, to?: 'unicast'): Promise<Sent>;
  /** Packets that it got, all told: vhost-net lets go of it when it has shown it the last. */
  unguest(id: string): Promise<number>;
  /** A VPN of this queue: its packets go to a UDP socket, `rate` a second at most, and what comes back to the queue. */
  tunnel(id: string, path: TunnelPath): Promise<void>;
  /** Packets that it took from the queue. */
  stopTunnel(): Promise<number>;
  /** Frames to a device, so many a second in bursts of so many. */
  flood(device: string, rate: number, burst: number): Promise<void>;
  calm(): Promise<void>;
  /** pktgen's threads in its namespace. */
  generate(): Promise<void>;
  rest(): Promise<void>;
  /** Ends the process; its namespace goes with it, and the devices and generators there. */
  end(): Promise<void>;
}

export interface Sent {
  readonly sent: number;
  readonly seconds: number;
  /** CPU time of the thread that plays the guest and its VMM. */
  readonly ranSeconds: number;
}

interface TunnelPath {
  readonly own: string;
  readonly other: string;
  readonly port: number;
  readonly rate: number;
}

type QueueFlag = 'mq' | 'vnet' | 'backpressure' | 'persist';

const MESSAGES_A_KICK = 64;
/** Seconds within which buffers have to be given back, so that a hang shows. */
const GIVEN_BACK_WITHIN_S = 20;

/** `name`: as which the host sees it. Throws one sentence if it cannot. */
export async function startTraffic(name = 'traffic'): Promise<Traffic> {
  const file = packageFile('dist/bench/traffic');
  if (file === undefined)
    throw new Error('The traffic program dist/bench/traffic is missing: build it with make, or install the package.');
  // A process group of its own: the Ctrl-C that ends a bench must find it alive, so that it is asked what it has counted.
  const child = spawn(file, [], { stdio: ['pipe', 'pipe', 'inherit'], detached: true, argv0: name });
  const ask = lineProtocol(child, 'traffic');
  try {
    await ask(`name ${name}`);
    await ask('namespace');
  } catch (cause) {
    await endChild(child);
    throw new Error(
      `A network namespace cannot be made (${errnoOf(cause) ?? cause}): run it as root on the host, not in a container.`,
      {
        cause,
      },
    );
  }
  const namespace = `/proc/${child.pid}/ns/net`;
  return {
    pid: child.pid ?? 0,
    netns: statSync(namespace).ino,
    namespace,
    generators: `/proc/${child.pid}/net/pktgen`,
    ...commands(ask),
    end: () => endChild(child),
  };
}

function commands(ask: Ask): Omit<Traffic, 'pid' | 'netns' | 'namespace' | 'generators' | 'end'> {
  const tell = async (line: string): Promise<void> => void (await ask(line));
  const count = async (line: string): Promise<number> => Number((await ask(line)).packets);
  return {
    open: async (id, device, flags, kind = 'tap') => {
      const { backpressure } = await ask(`open ${id} ${device} ${kind} ${flags.join(' ')}`);
      return !flags.includes('backpressure') || backpressure === 1;
    },
    close: (id) => tell(`close ${id}`),
    pin: (cpu) => tell(`pin ${cpu ?? 'off'}`),
    read: (id, { rate = 0, work = 0 } = {}) => tell(`readloop ${id} ${rate} work=${work}`),
    stopReading: (id) => count(`stop ${id}`),
    guest: (id, { entries, buffer }) => tell(`guest ${id} entries=${entries} buffer=${buffer}`),
    receive: (id) => tell(`receive ${id} 0`),
    stopReceiving: (id) => tell(`stall ${id}`),
    send: async (id, size, seconds, to = undefined) => {
      const [most, wait] = [Number.MAX_SAFE_INTEGER, Math.ceil(1000 * (seconds + GIVEN_BACK_WITHIN_S))];
      const answer = await ask(
        `send ${id} ${most} ${size} batch=${MESSAGES_A_KICK} for=${Math.ceil(1000 * seconds)} wait=${wait} ${to ?? ''}`,
      );
      return {
        sent: Number(answer.posted) - Number(answer.outstanding),
        seconds: Number(answer.microseconds) / 1e6,
        ranSeconds: Number(answer.ran) / 1e6,
      };
    },
    unguest: (id) => count(`unguest ${id}`),
    tunnel: (id, { own, other, port, rate }) => tell(`tunnel ${id} ${own} ${other} ${port} ${rate}`),
    stopTunnel: () => count('untunnel'),
    flood: (device, rate, burst) => tell(`flood ${device} ${rate} burst=${burst}`),
    calm: () => tell('calm'),
    generate: () => tell('generate'),
    rest: () => tell('rest'),
  };
}
