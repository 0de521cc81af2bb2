// SPDX-License-Identifier: Apache-2.0
// Whether a snapshot that came from elsewhere has the form that ours have: what is shown as a number is one, and texts have an end.
import type { Snapshot } from './snapshot.ts';

/** Names of the fields of `Thing`, however deep, that may hold a `Leaf`; of a list, its items. */
type Named<Thing, Leaf> = Thing extends readonly (infer Item)[]
  ? Named<Item, Leaf>
  : Thing extends ReadonlyMap<unknown, unknown>
    ? never
    : Thing extends object
      ? { [Key in keyof Thing & string]-?: Holding<NonNullable<Thing[Key]>, Leaf, Key> }[keyof Thing & string]
      : never;
type Holding<Value, Leaf, Key> =
  | (Extract<Value, Leaf | readonly Leaf[]> extends never ? never : Key)
  | Named<Exclude<Value, Leaf>, Leaf>;

/** The compiler knows whether one is missing. */
const TEXTS: Readonly<Record<Named<Snapshot, string>, true>> = {
  by: true,
  above: true,
  address: true,
  as: true,
  allowedCpus: true,
  below: true,
  bridge: true,
  bridgePort: true,
  cause: true,
  chain: true,
  comm: true,
  container: true,
  counter: true,
  degraded: true,
  device: true,
  equation: true,
  errno: true,
  event: true,
  family: true,
  flowControl: true,
  from: true,
  hook: true,
  how: true,
  id: true,
  kind: true,
  level: true,
  location: true,
  mechanism: true,
  mode: true,
  name: true,
  others: true,
  path: true,
  pod: true,
  podName: true,
  port: true,
  portOf: true,
  program: true,
  protocol: true,
  qdisc: true,
  readers: true,
  reason: true,
  root: true,
  route: true,
  runtime: true,
  sentBy: true,
  split: true,
  sleepsIn: true,
  state: true,
  stp: true,
  table: true,
  tenant: true,
  to: true,
  unfollowed: true,
  unit: true,
  unread: true,
  unreadable: true,
  uuid: true,
  vm: true,
  way: true,
  writers: true,
};
const FLAGS: Readonly<Record<Named<Snapshot, boolean>, true>> = {
  areNamed: true,
  attached: true,
  auditPending: true,
  bridgeUp: true,
  carrier: true,
  filtersVlans: true,
  floods: true,
  forwards: true,
  holdsIncoming: true,
  isCopy: true,
  isOpen: true,
  isPeerFull: true,
  isFull: true,
  isListening: true,
  isLocked: true,
  isNative: true,
  isNeighbour: true,
  isRelative: true,
  hasRefused: true,
  isAwaited: true,
  isSteered: true,
  isBound: true,
  isolated: true,
  learns: true,
  multiQueue: true,
  persistent: true,
  takesAll: true,
  unwanted: true,
  up: true,
  vnetHeader: true,
};

/** Maps, as lists of a key and a value (src/snapshot/json.ts). */
const PAIRED = ['namespaceNames', 'namespacePaths', 'overhead'];

/** No name, path or sentence of ours is as long. */
const LONGEST_TEXT = 4096;
export const DEEPEST = 16;

/** Throws if it has not. What is missing is not looked for: older recordings lack what is new. */
export function checkForm(snapshot: unknown): void {
  check('', snapshot, 0);
}

function check(name: string, value: unknown, depth: number): void {
  if (depth > DEEPEST) refuse();
  if (Array.isArray(value)) {
    for (const item of value) PAIRED.includes(name) ? checkPair(item) : check(name, item, depth + 1);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (!/^[\w-]{1,64}$/.test(key)) refuse();
      check(key, inner, depth + 1);
    }
  } else if (!isLeaf(name, value)) {
    refuse();
  }
}

function isLeaf(name: string, value: unknown): boolean {
  if (Object.hasOwn(TEXTS, name)) return typeof value === 'string' && value.length <= LONGEST_TEXT;
  return Object.hasOwn(FLAGS, name) ? typeof value === 'boolean' : Number.isFinite(value);
}

function checkPair(pair: unknown): void {
  const isWhole = Array.isArray(pair) && pair.length === 2;
  if (!isWhole || !pair.every((one) => Number.isFinite(one) || (typeof one === 'string' && one.length <= LONGEST_TEXT)))
    refuse();
}

function refuse(): never {
  throw new Error('It is no snapshot of ours.');
}
