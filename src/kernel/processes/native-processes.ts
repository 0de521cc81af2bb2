// SPDX-License-Identifier: Apache-2.0
// What the addon does for two processes and the sockets between them.
import type { Reach, Second } from '../../../addon/system.d.ts';
import { native } from '../native.ts';

export type { Reach };

/** As addon/system.d.ts says: who connected to a unix socket. */
export function unixPeer(socket: number): { readonly uid: number; readonly groups: readonly number[] } {
  return native().unixPeer(socket);
}

/** As addon/system.d.ts says: a second process of a program, with these descriptors and two pipes, which reaches no more than this. */
export function startSecondProcess(
  program: string,
  words: readonly string[],
  descriptors: readonly number[],
  reach: Reach,
): Second {
  return native().startSecondProcess(program, words, descriptors, reach);
}

/** As addon/system.d.ts says: a program in the place of this one, which reaches no more than this. */
export function becomeConfined(words: readonly string[], reach: Reach): never {
  return native().becomeConfined(words, reach);
}

/** As addon/system.d.ts says: 0 where the kernel has no Landlock. */
export function landlockVersion(): number {
  return native().landlockVersion();
}

/** As addon/system.d.ts says: wait(2)'s status, once; undefined while it runs. */
export function endOfSecondProcess(pid: number): number | undefined {
  return native().endOfSecondProcess(pid);
}

/** As addon/system.d.ts says: what this process does not need, the kernel refuses it from now on. */
export function confine(
  user: { readonly uid: number; readonly gid: number } | undefined,
  parent: number | undefined,
  connects: boolean,
): void {
  native().confine(user, parent, connects);
}

/** As addon/system.d.ts says: what the C library keeps of memory that was freed goes back to the kernel. */
export function giveMemoryBack(): void {
  native().giveMemoryBack();
}

/** As addon/system.d.ts says: these capabilities and no others, from now on. */
export function keepCapabilities(numbers: readonly number[]): void {
  native().keepCapabilities(numbers);
}

/** As addon/system.d.ts says: what no part of the agent needs, the kernel refuses. */
export function refuseUnused(startsProcesses: boolean, hasRing: boolean): void {
  native().refuseUnused(startsProcesses, hasRing);
}

/** As addon/system.d.ts says: a descriptor that listens on this path. */
export function listenUnix(path: string): number {
  return native().listenUnix(path);
}

/** As addon/system.d.ts says: a datagram to a unix socket. */
export function sendToUnix(address: string, text: string): void {
  native().sendToUnix(address, text);
}

/** As addon/system.d.ts says: a connection to a unix socket. */
export function connectUnix(path: string): number {
  return native().connectUnix(path);
}

/** As addon/system.d.ts says: the process that wrote to a connection; 0: it is closed. */
export function peerOf(connection: number): number | undefined {
  return native().peerOf(connection);
}

/** As addon/system.d.ts says: two connected sockets. */
export function socketPair(): [number, number] {
  return native().socketPair();
}

/** As addon/system.d.ts says: a descriptor through a unix socket. */
export function sendDescriptor(socket: number, descriptor: number): void {
  native().sendDescriptor(socket, descriptor);
}

/** As addon/system.d.ts says: the next descriptor that came through a unix socket. */
export function receiveDescriptor(socket: number): number | undefined {
  return native().receiveDescriptor(socket);
}

/** As addon/system.d.ts says: what the descriptor takes at once. */
export function writeNow(descriptor: number, bytes: Uint8Array): number {
  return native().writeNow(descriptor, bytes);
}
