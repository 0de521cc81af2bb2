// SPDX-License-Identifier: Apache-2.0
// A fault of a real program's device, or a healthy host, and what has to be said of it first.
import type { RunningGuest } from './guests/qemu.ts';
import type { Scene } from './scene.ts';

/** Bytes that the program takes from the device, and those that it gives to it. */
type Direction = 'taken' | 'given';

export interface Case {
  readonly name: string;
  /** Names from `PROGRAMS`. */
  readonly programs: readonly string[];
  /** One of these has to come first; undefined: all is well, and the answer is OK. */
  readonly expected?: readonly string[] | undefined;
  /** It needs CPUs that no other case computes on. */
  readonly alone?: true;
  /** Traffic that it is about, and that no sender of ours counts: by what passes the device. */
  readonly moves?: readonly Direction[];
  /** A figure of the kernel's that grows by the fault, where nothing is lost or where it is lost behind the place at which arrivals are counted. */
  readonly harm?: (scene: Scene) => Promise<number>;
  /** Sets up, begins the traffic, and resolves when the fault is there. */
  readonly play: (scene: Scene) => Promise<unknown>;
}

export const ALL: readonly string[] = ['openvpn', 'wireguard-go', 'qemu'];
export const VPNS: readonly string[] = ['openvpn', 'wireguard-go'];
export const GUESTS: readonly string[] = ['qemu'];
/** Those whose device is a tap. */
export const ETHERNETS: readonly string[] = ['qemu', 'socat, tap'];

/** Datagrams a second that each program passes on a busy machine. */
export function calm({ running }: Scene): number {
  return running.vm === '' ? 500 : 200;
}

export function guestOf({ running }: Scene): RunningGuest {
  if (!isGuest(running)) throw new Error(`${running.comm} is no VM.`);
  return running;
}

function isGuest(running: Scene['running']): running is RunningGuest {
  return 'monitor' in running;
}
