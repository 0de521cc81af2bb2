// SPDX-License-Identifier: Apache-2.0
// Commands to paste: words of others quoted, run in the namespace of the device they are about.
import { bytesOfName, isSeen } from '../../foreign-name.ts';
import { tapscope } from '../../own-command.ts';
import type { Remedy } from '../finding.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** Of `nft list ruleset`, in the words of a remedy's effect. */
export const RULES_SHOWN =
  'Shows the rules, with counters where they have any. If the drop is not meant, nft -a list ruleset has the rule’s handle, to delete it.';

/** One word for any POSIX shell, with any characters in it, but a line break at its end, which $(…) takes off. */
export function quoted(word: string): string {
  if (/^[\w.@:+/][\w.@:+/-]*$/.test(word)) return word;
  // Nagios ends a line at the first |.
  if (isSeen(word) && !word.includes('|')) return `'${word.replaceAll("'", "'\\''")}'`;
  const bytes = [...bytesOfName(word)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`);
  return `"$(printf '${bytes.join('')}')"`;
}

/** The same where it is no option's value: a name that begins with a dash would be read as an option. */
export function operand(word: string): string {
  return word.startsWith('-') ? `-- ${quoted(word)}` : quoted(word);
}

/** What watches the device for longer; `netns` undefined: no other has its name. */
export function diagnoseIt(device: string, netns: string | undefined): string {
  const place = netns === undefined ? '' : ` --netns ${quoted(netns)}`;
  return tapscope(
    device.startsWith('-') ? `diagnose${place} ${operand(device)}` : `diagnose ${quoted(device)}${place}`,
  );
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
  if (path === undefined || path.endsWith('\\x0a'))
    return `nsenter -t "$(lsns -no PID ${netns} | head -n1)" -n ${command}`;
  const name = /^\/run\/netns\/([^/]+)$/.exec(path)?.[1]; // `ip netns` knows no others
  return name === undefined ? `nsenter --net=${quoted(path)} ${command}` : `ip netns exec ${quoted(name)} ${command}`;
}

/** A command of the host where the device is, by which nothing is lost. */
export function hostCommand(device: DeviceSpan, window: Window, command: string, effect: string): Remedy {
  return { command: inNamespaceOf(device, window, command), effect, lossless: true, restart: false, by: 'host' };
}

/** `ip link set dev tap0 …` there. */
export function setLink(device: DeviceSpan, window: Window, setting: string): string {
  return inNamespaceOf(device, window, `ip link set dev ${quoted(device.now.name)} ${setting}`);
}
