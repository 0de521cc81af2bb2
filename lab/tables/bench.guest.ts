// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// tapscope bench as built: the shape of the kernel series, numbers on which all counters agree, and nothing that it leaves behind.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cpus } from 'node:os';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { type Begun, begin, tapscope } from '../../test/agent/serve-process.ts';
import { listAt, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { isSince } from '../../test/host/release.ts';
import { until } from '../../test/host/until.ts';
import { assertValid } from '../../test/host/valid-json.ts';
import { benchGuests } from './bench-guests.ts';

const skip = !isSince(7, 2) && 'the tables are of Linux 7.2 and 7.3';
const stops = isSince(7, 3);
const PARAMETER = '/sys/module/vhost_net/parameters/experimental_zcopytx';

/** The repeats of each cell, or why there are none. */
type Results = ReadonlyMap<string, { readonly runs: readonly unknown[]; readonly missing: string | undefined }>;

async function measure(only: string): Promise<Results> {
  const { code, stdout, stderr } = await tapscope([
    'bench',
    '--seconds=0.3',
    '--repeats=1',
    '--format=json',
    `--only=${only}`,
  ]);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const report = parseJson(stdout);
  assertValid('bench', report);
  const results = listAt(report, 'results').map((result) => {
    const runs = listAt(result, 'runs');
    return [
      textAt(result, 'cell', 'id'),
      { runs, missing: runs.length === 0 ? textAt(result, 'missing') : undefined },
    ] as const;
  });
  return new Map(results);
}

function figure(results: Results, cell: string, name: 'transmitted' | 'lost' | 'uncopied'): number {
  return numberAt(results.get(cell)?.runs, 0, name);
}

test('the shape of the series', { skip }, async (t) => {
  const cells = [
    'tap/threads=1/queues=1/free/[a-z-]+$|vhost/threads=1/queues=1/free/(tail-drop|backpressure)$',
    'vhost/threads=1/queues=4/pinned/(tail|back)',
    '^tap/threads=4/queues=1/free/(tail|through)',
    '^zero-copy/(on|off)/size=8192',
  ];
  const results = await measure(cells.join('|'));
  const lost = { dropping: 0, stopping: 0 };
  for (const [id, { missing }] of results) {
    const flow = id.split('/').at(-1) ?? '';
    const stopping = flow === 'backpressure' || flow === 'through-qdisc';
    if (id.includes('threads=4') && cpus().length < 4) assert.equal(missing, '4 threads of pktgen need 4 CPUs');
    else if (stopping && !stops) assert.equal(missing, "this kernel's tun has no IFF_BACKPRESSURE (Linux 7.3 has it)");
    else {
      assert.ok(figure(results, id, 'transmitted') > 0, `${id}: ${missing}`);
      lost[stopping ? 'stopping' : 'dropping'] += figure(results, id, 'lost');
      t.diagnostic(`${id}: ${JSON.stringify(results.get(id)?.runs)}`);
    }
  }
  assert.ok(lost.dropping > 0, 'a sender in the kernel outruns its readers');
  assert.equal(lost.stopping, 0);
  const [on, off] = ['zero-copy/on/size=8192', 'zero-copy/off/size=8192'];
  assert.deepEqual(
    [figure(results, off, 'uncopied'), figure(results, on, 'uncopied')],
    [0, figure(results, on, 'transmitted')],
  );
});

/** Each table has a bench of its own: a new agent must count its first packets as exactly as the later ones. */
for (const table of ['v7', 'v8', 'wake', 'profile', 'zero-copy', 'napi'])
  test(`--table ${table}: every counter agrees from the first run on`, { skip }, async (t) => {
    // Guests send without pktgen, and must not ask for it.
    if (table === 'zero-copy' || table === 'napi') {
      execFileSync('rmmod', ['pktgen']);
      t.after(() => execFileSync('modprobe', ['pktgen']));
    }
    if (table === 'zero-copy') execFileSync('modprobe', ['-a', 'macvtap', 'dummy']);
    const { code, stdout, stderr } = await tapscope(['bench', `--table=${table}`, '--seconds=0.5', '--repeats=1']);
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /^OK: in all \d+ runs /);
    if (table === 'zero-copy')
      assert.equal(stdout.match(/^\d+K( macvtap)?(\(Orig\))? +[\d.]+ +[\d.]+% +[\d.]+% +[1-9]\d*$/gm)?.length, 16);
    // One thread of pktgen, or one that reads.
    for (const [figure, clock] of stdout.matchAll(/(\d+\.\d+) CPUs/g)) assert.ok(Number(clock) <= 1, figure);
    t.diagnostic(stdout);
  });

/** A guest in a guest, both emulated: one cell of each count of guests, and no more. */
test('--table multiqueue: guests of QEMU behind the real vhost-net', async (t) => {
  const guests = await benchGuests();
  if (typeof guests === 'string') return t.skip(guests);
  const only = '^stream/(both|guest-to-guest)/size=default/sessions=2/queues=2$';
  const words = [`--only=${only}`, '--seconds=10', `--guest-kernel=${guests.kernel}`, '--guest-vhost=on'];
  const { code, stdout, stderr } = await tapscope(['bench', '--table=multiqueue', ...words]);
  t.diagnostic(`${stderr}${stdout}`);
  assert.equal(code, 0);
  assert.match(stdout, /^OK: in all 2 runs /);
  assert.match(stdout, / virtio-net, vhost-net on, /);
});

interface Traces {
  readonly namespaces: number;
  readonly generators: number;
  readonly programs: number;
  readonly parameter: string;
}

/** What a bench could leave: namespaces, pktgen's threads (each namespace has its own), vhost-net's parameter. */
function traces(): Traces {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const seen = processes.flatMap((pid) => {
    try {
      return [{ comm: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), netns: readlinkSync(`/proc/${pid}/ns/net`) }];
    } catch {
      return []; // it ended meanwhile
    }
  });
  return {
    namespaces: new Set(seen.map(({ netns }) => netns)).size,
    generators: seen.filter(({ comm }) => comm.startsWith('kpktgend_')).length,
    programs: seen.filter(({ comm }) => comm === 'traffic').length,
    parameter: existsSync(PARAMETER) ? readFileSync(PARAMETER, 'utf8') : 'not loaded',
  };
}

async function sameTraces(before: unknown): Promise<void> {
  for (let i = 0; i < 100 && JSON.stringify(traces()) !== JSON.stringify(before); i++) await wait(100);
  assert.deepEqual(traces(), before);
}

/** Interrupts a bench while it measures; resolves when it has ended. */
async function interrupted(t: TestContext, only: string, signal: NodeJS.Signals, busy: () => boolean): Promise<Begun> {
  const bench = begin(['bench', '--seconds=60', '--repeats=2', `--only=${only}`]);
  t.after(() => bench.signal('SIGKILL'));
  await bench.says(/^repeat 1 of 2/m);
  while (!busy()) await wait(50);
  await wait(500);
  bench.signal(signal);
  return bench;
}

/** pktgen's threads of a namespace end a moment after the last process there, as of the tests before this one. */
async function tracesAtRest(): Promise<Traces> {
  await until(() => traces().generators === traces().namespaces * cpus().length);
  return traces();
}

test('an interruption leaves nothing behind', { skip }, async (t) => {
  const before = await tracesAtRest();
  const generates = (): boolean => traces().generators !== before.generators;
  await t.test('Ctrl-C while pktgen sends', async (t) => {
    const bench = await interrupted(t, '^tap/threads=1/queues=4/free/tail-drop', 'SIGINT', generates);
    const { code, stdout } = await bench.end;
    assert.deepEqual([code, stdout], [130, '']);
    await sameTraces(before);
  });
  await t.test('Ctrl-C while a guest sends with a parameter that was not the host’s', async (t) => {
    const bench = await interrupted(t, '^zero-copy/on/size=8192', 'SIGINT', () => traces().parameter === '1\n');
    assert.equal((await bench.end).code, 130);
    await sameTraces(before);
  });
  await t.test('killed: devices, qdiscs and pktgen go all the same', async (t) => {
    const bench = await interrupted(t, '^vhost/threads=1/queues=1/free/tail-drop', 'SIGKILL', generates);
    await bench.end;
    await sameTraces(before);
  });
  // The walk sees devices of namespaces that no process is in.
  const { devices } = await (await agentLab(t)).snapshot();
  assert.deepEqual(
    devices.map(({ name }) => name),
    [],
  );
});
