// SPDX-License-Identifier: Apache-2.0
// Pastes the commands of findings into a real shell, with stubs of programs that record what they were called with: where names are hostile, the
// same programs get the same words, with the hostile bytes in place of each name, and nothing else runs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { type Window, windowOf } from '../../src/diagnosis/window.ts';
import { nameOfLatin1 } from '../../src/foreign-name.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { visible } from '../../src/snapshot/visible.ts';

/** Bytes, one character each: what shells, options, terminals and printf read as more than a name. */
export const HOSTILE = [
  '-a b\'"$(id)`id`;|&<>*?~#!\\%s{x,y}\\x1b$$\x1b[2J\x07\xff\xfe\n\xc2\x9b\xe2\x80\xae',
  '\n \\\\\'\'""-- --help;reboot\t|tee x #',
  '$(reboot)',
] as const;

/** Keys of snapshots under which names stand that others choose. */
const NAMES = ['name', 'from', 'to', 'device', 'port', 'bridge', 'comm', 'vm', 'unit', 'container', 'podName'];

/** Of each VM: virsh takes it, too. */
const UUID = '4dea22b3-1d52-d8f3-2516-782e98ab3fa0';

/** Any harmless word in place of the n-th name, or a hostile one: bytes, one character each. */
type Naming = (place: number) => string;

/** With other names, the same ones for the same. Units keep their kind. */
function renamed(snapshots: readonly Snapshot[], naming: Naming): readonly Snapshot[] {
  const places = new Map<string, number>();
  const nameFor = (name: string): string => {
    if (!places.has(name)) places.set(name, places.size);
    return nameOfLatin1(naming(places.get(name) ?? 0)) + (/\.(?:service|scope)$/.exec(name)?.[0] ?? '');
  };
  const walk = (value: unknown, key: string): unknown => {
    if (key === 'uuid') return UUID;
    if (typeof value === 'string') return value !== '' && NAMES.includes(key) ? nameFor(value) : value;
    if (Array.isArray(value)) return value.map((one) => walk(one, key));
    if (key === 'namespaceNames' && value instanceof Map)
      return new Map([...value].map(([inode, name]) => [inode, nameFor(name)]));
    if (key === 'namespacePaths' && value instanceof Map)
      return new Map([...value].map(([inode, path]) => [inode, join(dirname(path), nameFor(basename(path)))]));
    if (value instanceof Map || typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([inner, one]) => [inner, walk(one, inner)]));
  };
  return snapshots.map((snapshot) => asSnapshot(walk(snapshot, '')));
}

/** Only names were changed. */
function asSnapshot(value: unknown): Snapshot {
  return value as Snapshot;
}

/** `asked`: the place of the device that is asked about. */
export function assertPastedSafely(snapshots: readonly Snapshot[], asked: number | undefined): void {
  const findingsOf = (where: readonly Snapshot[], naming: Naming): readonly Finding[] => {
    const window: Window = windowOf(renamed(where, naming));
    return judge(window, asked === undefined ? undefined : window.devices[asked]).findings;
  };
  for (const where of [snapshots, snapshots.map(inOtherNamespaces)]) {
    const plain = findingsOf(where, plainName);
    const expected = commandsOf(plain);
    if (expected.length === 0) return;
    for (const hostile of HOSTILE) {
      const bytesOf: Naming = (place) => `${hostile}${place}`;
      const found = findingsOf(where, bytesOf);
      assertSameWords(expected, commandsOf(found), bytesOf);
      assert.deepEqual(found.map(priced), plain.map(priced));
    }
  }
}

/** What is said of each remedy does not depend on names. */
function priced({ rule, remedies }: Finding): unknown {
  return [rule, remedies.map(({ command, ...price }) => [command !== undefined, { ...price, effect: '' }])];
}

/** N0N, N1N … */
export function plainName(place: number): string {
  return `N${place}N`;
}

/** The agent is in none of the namespaces of its devices, each of which has a name. */
function inOtherNamespaces(snapshot: Snapshot): Snapshot {
  const inodes = [...new Set(snapshot.devices.map(({ netns }) => netns))];
  const namespaceNames = new Map(inodes.map((inode) => [inode, `space-${inode}`]));
  const namespacePaths = new Map(inodes.map((inode) => [inode, `/run/netns/space-${inode}`]));
  return { ...snapshot, agent: { ...snapshot.agent, netns: 0, namespaceNames, namespacePaths } };
}

/** The commands of `plain`, whose names are N0N and so on, with others in their places. */
export function assertSameWords(plain: readonly string[], hostile: readonly string[], bytesOf: Naming): void {
  assert.equal(hostile.length, plain.length, JSON.stringify({ plain, hostile }, null, 1));
  for (const command of hostile) assert.equal(visible(command), command);
  const [expected, found] = [callsOf(plain), callsOf(hostile)];
  for (const [index, calls] of expected.entries()) {
    const wanted = calls.map((words) =>
      words.map((word) =>
        word.replace(/N(\d+)N/g, (_, place: string) => {
          const bytes = bytesOf(Number(place));
          return words[0] === 'virsh' && bytes.startsWith('-') ? UUID : bytes;
        }),
      ),
    );
    assert.deepEqual(withoutDashes(found[index] ?? []), withoutDashes(wanted), `${plain[index]}\n${hostile[index]}`);
    for (const words of found[index] ?? []) assertNoOption(words, bytesOf(0).slice(0, -1));
  }
}

/** These take options anywhere; ip, tc and bridge take any word behind `dev`. */
const OPTIONS_ANYWHERE = ['virsh', 'systemctl', 'docker', 'podman', 'tapscope'];

/** No name is read as an option. */
function assertNoOption(words: readonly string[], hostile: string): void {
  const [program = ''] = words;
  if (!hostile.startsWith('-') || !OPTIONS_ANYWHERE.includes(program)) return;
  const at = words.findIndex((word) => word.startsWith(hostile));
  if (at > 0 && words[at - 1] !== '--netns') assert.equal(words[at - 1], '--', words.join(' '));
}

/** Sorted, for programs of a pipe run at once; without the `--` that stands before a name that begins with a dash. */
function withoutDashes(calls: readonly (readonly string[])[]): readonly string[] {
  return calls
    .map((words) => JSON.stringify(words.filter((word, at) => word !== '--' || !words[at + 1]?.startsWith('-'))))
    .sort();
}

function commandsOf(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ remedies }) => remedies.flatMap(({ command }) => command ?? []));
}

const PROGRAMS = [
  ...[
    'ip',
    'tc',
    'bridge',
    'nsenter',
    'virsh',
    'systemctl',
    'docker',
    'podman',
    'ethtool',
    'bpftool',
    'tcpdump',
    'sysctl',
    'kill',
  ],
  ...[
    'ps',
    'ss',
    'nstat',
    'mpstat',
    'uname',
    'tapscope',
    'free',
    'ausearch',
    'cat',
    'conntrack',
    'nft',
    'ipvsadm',
    'wg',
  ],
  ...['taskset', 'renice', 'nproc', 'seq', 'grep', 'paste', 'lsns', 'head', 'ls', 'dd', 'sed', 'socat', 'timeout'],
  ...['iptables-legacy-save', 'ovs-appctl'],
];

/** Calls of programs by each command, as a shell makes them: the name of the program and its words, bytes as characters. */
function callsOf(commands: readonly string[]): readonly (readonly (readonly string[])[])[] {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-pasted-'));
  try {
    const stub = join(folder, 'stub');
    // They answer with a number, for some of it is calculated with.
    writeFileSync(stub, `#!/bin/sh\nprintf '%s\\0' "$(($# + 1))" "\${0##*/}" "$@" >>"${folder}/calls"\necho 1\n`);
    chmodSync(stub, 0o700);
    const path = join(folder, 'bin');
    mkdirSync(path);
    for (const program of PROGRAMS) symlinkSync(stub, join(path, program));
    // A shell has a kill of its own.
    const script = commands
      .map((command, index) => `printf '%s\\0' @${index} >>"${folder}/calls"\n${command}\n`)
      .join('');
    const text = `kill() { command "${path}/kill" "$@"; }\n${script}`;
    assert.equal(spawnSync('/bin/sh', ['-n'], { input: text }).stderr.toString(), '');
    const { stderr } = spawnSync('/bin/sh', [], { input: text, env: { PATH: path }, cwd: folder });
    assert.equal(stderr.toString('latin1'), '', text);
    return parse(readFileSync(join(folder, 'calls'), 'latin1').split('\0').slice(0, -1), commands.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parse(words: readonly string[], commands: number): readonly (readonly (readonly string[])[])[] {
  const calls: string[][][] = Array.from({ length: commands }, () => []);
  let index = -1;
  for (let at = 0; at < words.length; ) {
    const word = words[at] ?? '';
    if (word === `@${index + 1}`) {
      index += 1;
      at += 1;
      continue;
    }
    const count = Number(word);
    assert.ok(count > 0, `no number of words: ${word}`);
    calls[index]?.push(words.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  assert.equal(index, commands - 1);
  return calls;
}
