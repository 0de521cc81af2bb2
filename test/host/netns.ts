// SPDX-License-Identifier: Apache-2.0
// A private, quiet network namespace for a kernel test, with test readers inside and the kernel's own counters beside them.
// Everything made here is undone last-in-first-out by t.after, whether the test passes or not.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startTestReader, type TestReader } from '../test-reader/test-reader.ts';
import { at, listAt, parseJson } from './checked-json.ts';
import { type LinkCounters, linkCounters, type QdiscCounters, qdiscCounters } from './counters.ts';
import { run } from './run.ts';
import { scoped } from './scope.ts';

export interface NamespaceLab {
  readonly name: string;
  /** The inode number by which the product names the namespace. */
  readonly inode: number;
  /** `ip` inside; the text is split at blanks, further words are taken as they are. */
  ip(text: string, ...words: readonly string[]): Promise<string>;
  /** Many `ip` commands at the price of one process. */
  ipBatch(lines: readonly string[]): Promise<void>;
  tc(text: string, ...words: readonly string[]): Promise<string>;
  exec(file: string, ...args: readonly string[]): Promise<string>;
  /** `words`: its command line, the name of the program first, where it is to look like another. */
  testReader(...words: readonly string[]): Promise<TestReader>;
  /** The same, and the kernel too has this name for its process: for pictures. */
  testReaderNamed(program: string, ...words: readonly string[]): Promise<TestReader>;
  /** Sets the device up, with this ring; returns an address behind it: a datagram to it is one packet, no more. */
  raise(device: string, ring?: number): Promise<string>;
  /** Waits until the bridge forwards by this port of it. */
  forwards(port: string): Promise<void>;
  link(device: string): Promise<LinkCounters>;
  qdisc(device: string): Promise<readonly QdiscCounters[]>;
  /** Runs before what was made earlier is undone. */
  after(undo: () => Promise<unknown>): void;
}

const testFolder = join(import.meta.dirname, '..');
export const testReaderFile = join(testFolder, '../dist/test/test-reader');
const PREFIX = 'tapscope-lab-';

/** For `test(name, { skip: noLab }, …)`: why kernel tests cannot run here, or false. */
export const noLab: string | false = whyNoLab();

function whyNoLab(): string | false {
  if (process.getuid?.() !== 0) {
    return 'needs root: it makes network namespaces and tap devices';
  }
  if (!existsSync('/dev/net/tun')) {
    return 'needs /dev/net/tun: load the tun module (modprobe tun)';
  }
  return ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].some(existsSync) ? false : 'needs ip (apt install iproute2)';
}

let made = 0;

/** A namespace that is there for one piece of work. */
export function inNamespace<Value>(use: (lab: NamespaceLab) => Promise<Value>): Promise<Value> {
  return scoped(async (t) => use(await namespaceLab(t)));
}

/** `as`: a name that a picture may show. */
export async function namespaceLab(t: { after(undo: () => Promise<void>): void }, as?: string): Promise<NamespaceLab> {
  const undo: (() => Promise<unknown>)[] = [];
  t.after(() => undoAll(undo));
  await prepareOnce();
  const name = as ?? `${PREFIX}${process.pid}-${made++}`;
  await run('ip', ['netns', 'add', name]);
  undo.push(() => run('ip', ['netns', 'del', name]));
  await quieten(name);
  return lab(name, undo);
}

async function undoAll(undo: (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (let step = undo.pop(); step; step = undo.pop()) {
    await step().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, 'The lab could not be cleaned up.');
  }
}

/** The link address of an Ethernet device. */
export async function macOf(lab: NamespaceLab, device: string): Promise<string> {
  return String(at(parseJson(await lab.ip('-j link show dev', device)), 0, 'address'));
}

/** Not so a tun. */
export async function isEthernet(lab: Pick<NamespaceLab, 'ip'>, device: string): Promise<boolean> {
  return at(parseJson(await lab.ip('-j link show dev', device)), 0, 'link_type') === 'ether';
}

let prepared: Promise<void> | undefined;

function prepareOnce(): Promise<void> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<void> {
  await run('make', ['--silent', '--no-print-directory', '-C', testFolder]);
  await removeStale();
}

/** Namespaces of a test process that was killed: only this deletes them. */
async function removeStale(): Promise<void> {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  for (const name of names.filter((one) => one.startsWith(PREFIX))) {
    if (!existsSync(`/proc/${name.slice(PREFIX.length).split('-')[0]}`)) {
      await run('ip', ['netns', 'del', name]).catch(() => {});
    }
  }
}

/** Without this the kernel's own neighbour and multicast packets would be counted among the test's. */
async function quieten(name: string): Promise<void> {
  const off = ['all', 'default'].map((which) => `echo 1 > /proc/sys/net/ipv6/conf/${which}/disable_ipv6`);
  const script = `if [ -d /proc/sys/net/ipv6 ]; then ${off.join('; ')}; fi; ip link set lo up`;
  await run('nsenter', [...inside(name), 'sh', '-c', script]);
}

/** Arguments of nsenter, which takes half as long as `ip netns exec`: that mounts /sys anew, of the namespace's devices. */
export function inside(name: string): readonly string[] {
  return [`--net=/run/netns/${name}`, '--'];
}

function lab(name: string, undo: (() => Promise<unknown>)[]): NamespaceLab {
  const ip = async (text: string, ...words: readonly string[]): Promise<string> =>
    (await run('ip', ['-n', name, ...text.split(' '), ...words])).stdout;
  const tc = async (text: string, ...words: readonly string[]): Promise<string> =>
    (await run('tc', ['-n', name, ...text.split(' '), ...words])).stdout;
  let networks = 0;
  async function start(file: string, words: readonly string[]): Promise<TestReader> {
    const [as = file, ...args] = words;
    const disguise = ['bash', '-c', 'exec -a "$@"', 'bash', as, file, ...args];
    const one = await startTestReader('nsenter', [...inside(name), ...(words.length > 0 ? disguise : [file])]);
    undo.push(() => one.quit());
    return one;
  }
  return {
    name,
    inode: statSync(`/run/netns/${name}`).ino,
    ip,
    tc,
    ipBatch: (lines) => batch(name, lines),
    exec: async (file, ...args) => (await run('ip', ['netns', 'exec', name, file, ...args])).stdout,
    testReader: (...words) => start(testReaderFile, words),
    testReaderNamed: async (program, ...words) => {
      // A process is called as the file that it was started by.
      const folder = await mkdtemp(join(tmpdir(), 'tapscope-named-'));
      undo.push(() => rm(folder, { recursive: true, force: true }));
      const link = join(folder, basename(program));
      await symlink(testReaderFile, link);
      return start(link, [program, ...words]);
    },
    raise: async (device, ring) => {
      const network = networks++;
      const prefix = `10.${77 + (network >> 8)}.${network & 255}`;
      const size = ring === undefined ? '' : ` txqueuelen ${ring}`;
      const peer = (await isEthernet({ ip }, device))
        ? [`neigh replace ${prefix}.2 lladdr 02:00:00:00:00:01 dev ${device} nud permanent`]
        : [];
      await batch(name, [`link set dev ${device} up${size}`, `addr add ${prefix}.1/24 dev ${device}`, ...peer]);
      return `${prefix}.2`;
    },
    forwards: async (port) => {
      const state = `/sys/class/net/${port}/brport/state`;
      await run('ip', ['netns', 'exec', name, 'sh', '-c', `until [ "$(cat ${state})" = 3 ]; do sleep 0.1; done`]);
    },
    link: async (device) => linkCounters(parseJson(await ip('-j -s link show dev', device))),
    qdisc: async (device) => listAt(parseJson(await tc('-j -s qdisc show dev', device))).map(qdiscCounters),
    after: (step) => void undo.push(step),
  };
}

function batch(name: string, lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile('ip', ['-n', name, '-batch', '-'], (error) => (error ? reject(error) : resolve()));
    child.stdin?.end(`${lines.join('\n')}\n`);
  });
}
