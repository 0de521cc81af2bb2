// SPDX-License-Identifier: Apache-2.0
// What drops packets in the nf_tables of a namespace (nft, iptables-nft). Read by a command that a person with the right to started: the agent has none.

/** A rule that drops or rejects, or a chain whose policy is to drop. */
export interface Dropper {
  /** 'inet', as nft writes it. */
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** Of the rule (`nft -a`); undefined: the policy of the chain. */
  readonly handle: number | undefined;
  /** Of its chain: 'forward'; undefined: others jump to it. */
  readonly hook: string | undefined;
  /** That it dropped, since its counter began; undefined: it has no counter, or packets that it passes are counted too. */
  readonly packets: number | undefined;
}

export interface Firewall {
  readonly droppers: readonly Dropper[];
  /** What else may drop, and has no counter that is read: 'iptables-legacy'. */
  readonly others: readonly string[];
}
