// SPDX-License-Identifier: Apache-2.0
// Commands to paste: words of others quoted, run in the namespace of the device they are about.
import { bytesOfName } from '../../foreign-name.ts';
import type { Remedy } from '../finding.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** Characters that are shown as U+FFFD (src/snapshot/visible.ts) and so cannot be typed. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Bytes of a name that are no text (src/foreign-name.ts). */
const ESCAPED = /\\x(?:[89a-f][\da-f]|5c)/;

/** One word for any POSIX shell, with any characters in it. */
export function quoted(word: string): string {
  if (/^[\w.@:+/][\w.@:+/-]*$/.test(word)) return word;
  if (!UNSHOWN.test(word) && !ESCAPED.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const bytes = [...bytesOfName(word)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`);
  return `"$(printf '${bytes.join('')}')"`;
}

/**
 * The command where the device is. Not through the process that holds the device: it may be in another namespace, where
 * another device has the same name.
 */
export function inNamespaceOf({ now: { netns } }: DeviceSpan, window: Window, command: string): string {
  return inNamespace(netns, window, command);
}

/** The command in that namespace. */
export function inNamespace(netns: number, { agent }: Pick<Window, 'agent'>, command: string): string {
  if (netns === agent.netns) return command;
  const path = agent.namespacePaths?.get(netns);
  if (path === undefined) return `nsenter -t "$(lsns -no PID ${netns} | head -n1)" -n ${command}`;
  const name = /^\/run\/netns\/([^/]+)$/.exec(path)?.[1]; // `ip netns` knows no others
  return name === undefined ? `nsenter --net=${quoted(path)} ${command}` : `ip netns exec ${quoted(name)} ${command}`;
}

/** A command of the host that only shows something, where the device is. */
export function lookAt(device: DeviceSpan, window: Window, command: string, effect: string): Remedy {
  return { command: inNamespaceOf(device, window, command), effect, lossless: true, restart: false, by: 'host' };
}

/** `ip link set dev tap0 …` there. */
export function setLink(device: DeviceSpan, window: Window, setting: string): string {
  return inNamespaceOf(device, window, `ip link set dev ${quoted(device.now.name)} ${setting}`);
}
