// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Two namespaces, devices, processes, VMs and units whose names differ only in bytes that are not UTF-8: two of everything, and each answers to the
// name that is shown, and to its bytes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab, testReaderFile } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { startTestReader, type TestReader } from '../../test/test-reader/test-reader.ts';

const BYTES = ['ff', 'fe'] as const;
type Byte = (typeof BYTES)[number];

/** Runs sh; `$b` is the byte. Node's own arguments are UTF-8. */
const shell = (byte: Byte, script: string): readonly [string, string] => [
  '-c',
  `b=$(printf '\\${octal(byte)}'); ${script}`,
];
const octal = (byte: Byte): string => Number.parseInt(byte, 16).toString(8);
const sh = (byte: Byte, script: string): void => void execFileSync('sh', shell(byte, script));

interface Tap {
  readonly byte: Byte;
  readonly reader: TestReader;
  /** An address behind it. */
  readonly peer: string;
  readonly count: number;
  readonly shown: (before: string, after?: string) => string;
}

/** A hierarchy with cgroups of its own: the one whose names are told first (src/inventory/cgroup-path.ts), if it is there. */
const mounts = readFileSync('/proc/mounts', 'utf8')
  .split('\n')
  .map((line) => line.split(' '));
const root = (mounts.find(([, , type]) => type === 'cgroup2') ??
  mounts.find(([, , type, options = '']) => type === 'cgroup' && /\bfreezer\b/.test(options)))?.[1];

test('names that differ only in bytes that are not UTF-8 are never one series, and can be asked for', {
  skip: noLab || (root === undefined && 'needs a cgroup hierarchy'),
}, async (t) => {
  const lab = await namespaceLab(t);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-bytes-'));
  const name = `tapscope-lab-${process.pid}-`;
  const undo = [() => rmSync(folder, { recursive: true })];
  t.after(() => {
    for (const step of undo.toReversed()) step();
  });
  const taps: Tap[] = [];
  for (const [index, byte] of BYTES.entries()) {
    sh(byte, `ip netns add "${name}$b" && ln -s ${testReaderFile} "${folder}/r$b"`);
    undo.push(() => sh(byte, `ip netns del "${name}$b"`));
    // The kernel's own packets of IPv6 would be counted among those of the test.
    sh(
      byte,
      `nsenter --net="/run/netns/${name}$b" -- sh -c 'for c in all default; do
         [ ! -d /proc/sys/net/ipv6 ] || echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done'`,
    );
    const words = `exec nsenter --net="/run/netns/${name}$b" -- bash -c 'exec -a qemu-system-x86_64 "$0" -name "guest=w$1"' "${folder}/r$b" "$b"`;
    const reader = await startTestReader('sh', shell(byte, words));
    undo.push(() => reader.signal('SIGKILL'));
    const cgroup = Buffer.concat([
      Buffer.from(`${root}/tapscope-${process.pid}-`),
      Buffer.from(byte, 'hex'),
      Buffer.from('.service'),
    ]);
    mkdirSync(cgroup);
    undo.push(() => {
      if (existsSync(`/proc/${reader.pid}`)) writeFileSync(join(root ?? '', 'cgroup.procs'), String(reader.pid));
      rmdirSync(cgroup);
    });
    writeFileSync(Buffer.concat([cgroup, Buffer.from('/cgroup.procs')]), String(reader.pid));
    const [peer, count] = [`10.99.${index}.2`, 3 + 2 * index];
    await reader.open('a', 'tap0', 'tap');
    const net = `nsenter --net="/run/netns/${name}$b" -- ip`;
    sh(
      byte,
      `${net} link set dev tap0 name "d$b" && ${net} link set dev "d$b" up && ${net} addr add 10.99.${index}.1/24 dev "d$b" &&
       ${net} neigh replace ${peer} lladdr 02:00:00:00:00:01 dev "d$b" nud permanent`,
    );
    taps.push({ byte, reader, peer, count, shown: (before: string, after = '') => `${before}\\x${byte}${after}` });
  }
  // Where they lie in one namespace, too.
  for (const byte of BYTES) sh(byte, `ip -n ${lab.name} tuntap add dev "e$b" mode tap`);
  const agent = await startAgent(t, []);
  for (const { reader, peer, count } of taps) await reader.udp(peer, 9, count, 64);
  for (const { shown, count, reader } of taps) {
    const device = { device: shown('d') };
    const identity = {
      ...device,
      vm: shown('w'),
      unit: shown(`tapscope-${process.pid}-`, '.service'),
      program: 'qemu',
    };
    await until(async () => (await agent.metrics()).value('tapscope_device_owner_info', identity) === 1);
    const metrics = await agent.metrics();
    assert.equal(metrics.value('tapscope_queue_offered_packets_total', { ...device, queue: '0' }), count);
    assert.equal(
      metrics.value('tapscope_queue_owner_info', { ...device, comm: shown('r'), pid: String(reader.pid) }),
      1,
    );
    assert.equal(metrics.value('tapscope_device_info', { device: shown('e') }), 1);
    assert.equal(metrics.value('tapscope_namespace_info', { name: shown(name) }), 1);
  }
  for (const { byte, shown } of taps) {
    const rows = async (...words: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await tapscope([
        'top',
        '-b',
        '-n',
        '1',
        '-d',
        '0.5',
        `--socket=${agent.socket}`,
        ...words,
      ]);
      assert.equal(stdout.includes(`${shown('d')}/0 `), true, `${words}: ${stdout}${stderr}`);
      return stdout;
    };
    const other = byte === 'ff' ? 'd\\xfe' : 'd\\xff';
    for (const words of [[shown('d')], [`--netns=${shown(name)}`], [`--vm=${shown('w')}`], [`--process=${shown('r')}`]])
      assert.ok(!(await rows(...words)).includes(other), words.join(' '));
    // The bytes, as a shell's completion or a pasted remedy gives them.
    const raw = await tapscope([], {
      wrapper: [
        'sh',
        ...shell(byte, `exec "$@" top -b -n 1 -d 0.5 --socket=${agent.socket} --netns="${name}$b" "d$b"`),
        'sh',
      ],
    });
    assert.ok(raw.stdout.includes(`${shown('d')}/0 `), raw.stdout + raw.stderr);
  }
  assert.ok(existsSync(`/proc/${agent.pid}`));
});
