// SPDX-License-Identifier: Apache-2.0
// Tells remedies that change something from read-only ones.

import { isTapscope } from '../../own-command.ts';
import type { Remedy } from '../finding.ts';

/** As quoted() writes it. */
const WORD = `(?:'(?:[^']|'\\\\'')*'|"[^"]*"|[^\\s'"])+`;
/** The prefix of inNamespaceOf(). The name between the quotes is chosen by others. */
const PLACE = new RegExp(`^(?:ip netns exec ${WORD}|nsenter (?:-t (?:"[^"]*"|\\d+) -n|--net=${WORD})) `);
/** All others change something. A command that is new here is held by a test (lab/verdicts/pasted.ts). */
const SHOWS: readonly RegExp[] = [
  /^(?:ps|ss|nstat|mpstat|uname|iptables-legacy-save|free|tcpdump|ausearch) /,
  /^cat \/proc\/[\w/]+$/,
  /^ls -l \/proc\/\d+\/fd$/,
  /^tc -s (?:qdisc|class|filter) show\b/,
  /^(?:conntrack -S|nft list ruleset)$/,
  new RegExp(`^nft -a list chain \\w+ ${WORD} ${WORD}$`),
  /^ethtool -[lxS] /,
  /^ip (?:-(?:[ds46]|br) )*(?:link|neigh|route|addr|address|mroute|xfrm policy) (?:show|get)\b/,
  /^bpftool (?:(?:prog|net) show\b|cgroup tree$)/,
  /^(?:ovs-appctl dpctl\/(?:show|dump-flows)|ipvsadm -Ln --stats|wg show)$/,
  /^bridge (?:-[ds] )*\w+ show\b/,
  new RegExp(`^sysctl (?!-)${WORD}(?: ${WORD})*$`),
  new RegExp(`^systemctl status ${WORD}$`),
  new RegExp(`^virsh (?:domstate --reason|vcpupin) ${WORD}$`),
];

export function inspects({ command }: Pick<Remedy, 'command'>): boolean {
  const typed = command?.replace(PLACE, '');
  return typed !== undefined && (isTapscope(typed) || SHOWS.some((pattern) => pattern.test(typed)));
}

/** The remedies, those that only show something marked as such. */
export function marked(remedies: readonly Remedy[]): readonly Remedy[] {
  return remedies.map((remedy) => (inspects(remedy) ? { ...remedy, inspects: true } : remedy));
}
