// SPDX-License-Identifier: Apache-2.0
// What drops packets in the nf_tables of a network namespace (nft, iptables-nft, ebtables-nft), with its counters, by nfnetlink.
import { errnoOf } from '../kernel/error-name.ts';
import { namespaceFile, netlinkRequest } from '../kernel/native.ts';
import { hasEbtables, hasNfTables } from '../kernel/netfilter.ts';
import {
  type Attributes,
  dumpRequest,
  type Message,
  messagesOf,
  nested,
  repeated,
  text,
} from '../kernel/netlink-message.ts';
import type { Dropper, Firewall } from '../snapshot/firewall.ts';

// linux/netfilter/nfnetlink.h, nf_tables.h, linux/netfilter.h: stable ABI, numbers in network order
const NF_TABLES = 10 << 8;
const NEWCHAIN = NF_TABLES | 3;
const GETCHAIN = NF_TABLES | 4;
const NEWRULE = NF_TABLES | 6;
const GETRULE = NF_TABLES | 7;
/** struct nfgenmsg: the family is its first byte. */
const NFGENMSG_SIZE = 4;
const CHAIN_TABLE = 1;
const CHAIN_NAME = 3;
const CHAIN_HOOK = 4;
const CHAIN_POLICY = 5;
const CHAIN_COUNTERS = 8;
const HOOK_NUMBER = 1;
const RULE_TABLE = 1;
const RULE_CHAIN = 2;
const RULE_HANDLE = 3;
const RULE_EXPRESSIONS = 4;
const LIST_ELEMENT = 1;
const EXPRESSION_NAME = 1;
const EXPRESSION_DATA = 2;
const COUNTER_PACKETS = 2;
const IMMEDIATE_REGISTER = 1;
const IMMEDIATE_DATA = 2;
const DATA_VERDICT = 2;
const VERDICT_CODE = 1;
const LOOKUP_REGISTER = 3;
const TARGET_NAME = 1;
const VERDICT_REGISTER = 0;
const NF_DROP = 0;

const FAMILIES: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress'];
const NETDEV_HOOKS = ['ingress', 'egress'];
/** Expressions that pass every packet on, so that a counter before them counts what comes behind them. */
const PASSING: readonly string[] = ['log'];
/** Targets of iptables-nft that end packets. */
const ENDING_TARGETS: readonly string[] = ['DROP', 'REJECT'];
/** Files of /proc/net with the tables of iptables-legacy, one a line; only root may read them. */
const LEGACY_FILES = ['ip_tables_names', 'ip6_tables_names'];

/** undefined: it may not be read, for want of CAP_NET_ADMIN, or is longer than that. */
export async function readFirewall(netnsPath: string | undefined, mostBytes: number): Promise<Firewall | undefined> {
  try {
    const [chains, rules] = hasNfTables()
      ? [
          await netlinkRequest(netnsPath, dumpRequest(GETCHAIN, NFGENMSG_SIZE), mostBytes),
          await netlinkRequest(netnsPath, dumpRequest(GETRULE, NFGENMSG_SIZE), mostBytes),
        ]
      : [new Uint8Array(), new Uint8Array()];
    const { droppers, others } = parseFirewall(chains, rules);
    return { droppers, others: [...others, ...(await legacyTables(netnsPath))] };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'ENOENT') throw error;
    return undefined;
  }
}

async function legacyTables(netnsPath: string | undefined): Promise<readonly string[]> {
  const names = await Promise.all(
    LEGACY_FILES.map((file) =>
      namespaceFile(netnsPath, file, 4096).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return ''; // a kernel without them
        throw error;
      }),
    ),
  );
  return [...(names.join('') === '' ? [] : ['iptables-legacy']), ...(hasEbtables() ? ['ebtables-legacy'] : [])];
}

/** `chains`, `rules`: the replies to the two dumps. */
function parseFirewall(chains: Uint8Array, rules: Uint8Array): Firewall {
  const hooks = new Map<string, string>();
  const policies = messagesOf(chains, NEWCHAIN, NFGENMSG_SIZE).flatMap((message) => {
    const chain = placeOf(message, CHAIN_TABLE, CHAIN_NAME);
    const number = be32(nested(message.attributes.get(CHAIN_HOOK)).get(HOOK_NUMBER));
    if (number === undefined) return [];
    const hook = (chain.family === 'netdev' ? NETDEV_HOOKS : HOOKS)[number] ?? String(number);
    hooks.set(keyOf(chain), hook);
    const packets = be64(nested(message.attributes.get(CHAIN_COUNTERS)).get(COUNTER_PACKETS));
    const isDrop = be32(message.attributes.get(CHAIN_POLICY)) === NF_DROP;
    return isDrop ? [{ ...chain, handle: undefined, hook, packets }] : [];
  });
  const found = messagesOf(rules, NEWRULE, NFGENMSG_SIZE).map((message) => {
    const chain = placeOf(message, RULE_TABLE, RULE_CHAIN);
    const handle = be64(message.attributes.get(RULE_HANDLE));
    const end = endOf(message.attributes.get(RULE_EXPRESSIONS));
    return { end, dropper: { ...chain, handle, hook: hooks.get(keyOf(chain)), packets: end?.packets } };
  });
  const unclear = found.filter(({ end }) => end?.verdict === 'unclear');
  return {
    droppers: [...policies, ...found.flatMap(({ end, dropper }) => (end?.verdict === 'drop' ? [dropper] : []))],
    others: [
      ...new Set(unclear.map(({ dropper: { family, table } }) => `verdict maps or queues of table ${family} ${table}`)),
    ],
  };
}

type Place = Pick<Dropper, 'family' | 'table' | 'chain'>;

function placeOf({ body, attributes }: Message, table: number, chain: number): Place {
  const number = body.getUint8(0);
  return {
    family: FAMILIES[number] ?? String(number),
    table: text(attributes.get(table)) ?? '',
    chain: text(attributes.get(chain)) ?? '',
  };
}

function keyOf({ family, table, chain }: Place): string {
  return JSON.stringify([family, table, chain]);
}

interface End {
  /** unclear: it may drop, by a set of verdicts or by a program that decides. */
  readonly verdict: 'drop' | 'unclear';
  readonly packets: number | undefined;
}

/** How a rule ends packets; undefined: it does not. A counter counts just these where only a log is behind it. */
function endOf(expressions: DataView | undefined): End | undefined {
  let packets: number | undefined;
  for (const element of repeated(expressions, LIST_ELEMENT)) {
    const expression = nested(element);
    const name = text(expression.get(EXPRESSION_NAME)) ?? '';
    const data = nested(expression.get(EXPRESSION_DATA));
    const verdict = verdictOf(name, data);
    if (verdict !== undefined) return { verdict, packets };
    if (name === 'counter') packets = be64(data.get(COUNTER_PACKETS));
    else if (!PASSING.includes(name)) packets = undefined;
  }
  return undefined;
}

function verdictOf(name: string, data: Attributes): End['verdict'] | undefined {
  switch (name) {
    case 'immediate': {
      const code = be32(nested(nested(data.get(IMMEDIATE_DATA)).get(DATA_VERDICT)).get(VERDICT_CODE));
      return be32(data.get(IMMEDIATE_REGISTER)) === VERDICT_REGISTER && code === NF_DROP ? 'drop' : undefined;
    }
    case 'reject':
      return 'drop';
    case 'target':
      return ENDING_TARGETS.includes(text(data.get(TARGET_NAME)) ?? '') ? 'drop' : undefined;
    case 'lookup':
      return be32(data.get(LOOKUP_REGISTER)) === VERDICT_REGISTER ? 'unclear' : undefined;
    case 'queue':
    case 'synproxy':
    case 'tproxy':
      return 'unclear';
    default:
      return undefined;
  }
}

function be32(attribute: DataView | undefined): number | undefined {
  return attribute && attribute.byteLength >= 4 ? attribute.getUint32(0) : undefined;
}

/** Exact up to 2^53. */
function be64(attribute: DataView | undefined): number | undefined {
  return attribute && attribute.byteLength >= 8 ? Number(attribute.getBigUint64(0)) : undefined;
}
