// SPDX-License-Identifier: Apache-2.0
// Tells remedies that change something from read-only ones.
import type { Remedy } from '../finding.ts';

/** The prefix of inNamespaceOf(). The name between the quotes is chosen by others. */
const PLACE =
  /^(?:ip netns exec (?:'(?:[^']|'\\'')*'|"[^"]*"|[^\s'"])+|nsenter (?:-t (?:"[^"]*"|\d+) -n|--net=(?:'(?:[^']|'\\'')*'|"[^"]*"|[^\s'"])+)) /;
/** All others change something. A command that is new here is held by a test (lab/verdicts/pasted.ts). */
const SHOWS: readonly RegExp[] = [
  /^(?:ps|ss|nstat|mpstat|uname|tapscope|iptables-legacy-save) /,
  /^tc -s (?:qdisc|class|filter) show\b/,
  /^(?:conntrack -S|nft list ruleset)$/,
  /^ethtool -[lxS] /,
  /^ip (?:-[ds] )*(?:link|neigh|route|addr) (?:show|get)\b/,
  /^bpftool (?:prog|net) show /,
  /^bridge (?:-[ds] )*\w+ show\b/,
  /^sysctl [\w.-]+(?: [\w.-]+)*$/,
  /^virsh (?:domstate --reason|vcpupin) (?:'[^']*'|\S+)$/,
];

export function inspects({ command }: Pick<Remedy, 'command'>): boolean {
  const typed = command?.replace(PLACE, '');
  return typed !== undefined && SHOWS.some((pattern) => pattern.test(typed));
}

/** The remedies, those that only show something marked as such. */
export function marked(remedies: readonly Remedy[]): readonly Remedy[] {
  return remedies.map((remedy) => (inspects(remedy) ? { ...remedy, inspects: true } : remedy));
}
