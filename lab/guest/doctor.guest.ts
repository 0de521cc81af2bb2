// SPDX-License-Identifier: Apache-2.0
// By which mechanism each event is measured on this kernel, and what takes its place when it is forced away.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { tapscope } from '../agent/serve-process.ts';
import { at, listAt, parseJson, textAt } from '../host/checked-json.ts';
import { isSince } from '../host/release.ts';
import { isNightly } from '../kernels/nightly.ts';
import { type DoctorReport, doctorReport } from './doctor-report.ts';

/** Linux 7.3 counts what is taken out of a ring under the ring's lock. */
const underLock = isSince(7, 3);

type Mechanisms = Readonly<Record<string, string | null>>;

const best: Mechanisms = {
  devices: 'walk',
  ended: 'fentry',
  freed: 'tp_btf',
  before: 'raw-tracepoint',
  transmit: 'fentry',
  consumed: underLock ? 'fentry' : 'arithmetic',
  departures: underLock ? 'consumed' : 'none',
  'vhost-departures': underLock ? 'consumed' : 'none',
  returned: 'fentry',
  vhost: 'fentry',
  batches: underLock ? 'consumed' : 'none',
  buffers: 'fentry',
  zerocopy: 'none',
  allocation: 'none',
  redirected: 'fexit',
  macvtaps: 'none',
  ipvtaps: 'none',
  // vhost-net needs their module.
  'macvtap-reads': 'fexit',
  refused: 'fexit',
  'receive-batches': 'fexit',
  'queue-changes': 'fentry',
  // Attached when a device or packets ask for it.
  'transmit-exit': 'waiting',
  stops: underLock ? 'waiting' : 'none',
  readers: 'looks',
  owners: 'iterator',
};
/** Where nothing counts what is taken under the ring's lock: then wakes are not seen; before Linux 7.3 there are none. */
const stopsUnseen = underLock ? null : 'none';
const FALLBACK = underLock ? 3 : 1;
/** Where nothing counts or knows what enters the rings, before Linux 7.3. */
const fromDevice: Mechanisms = underLock ? {} : { consumed: 'device-counter' };
/** Where packets are not counted when they are taken. */
const notTaken: Mechanisms = { batches: 'none', departures: 'none', 'vhost-departures': 'none', stops: stopsUnseen };

/** Where no program is at the entry alone. */
const noEntry: Mechanisms = { 'transmit-exit': 'none' };

interface Case {
  readonly forced: readonly string[];
  readonly code: number;
  /** Other than the best ones. */
  readonly expected: Mechanisms;
}

const cases: readonly Case[] = [
  { forced: [], code: 0, expected: {} },
  {
    forced: ['transmit=raw-tracepoint', 'consumed=arithmetic', 'owners=procfs'],
    code: FALLBACK,
    expected: {
      transmit: 'raw-tracepoint',
      ...noEntry,
      consumed: 'arithmetic',
      ...notTaken,
      owners: 'procfs',
    },
  },
];

const long: readonly Case[] = [
  {
    forced: ['devices=rtnetlink'],
    code: 3,
    expected: {
      devices: 'rtnetlink',
      ended: null,
      freed: null,
      before: null,
      transmit: null,
      ...noEntry,
      consumed: null,
      returned: 'none',
      vhost: 'none',
      ...notTaken,
      buffers: 'none',
      redirected: null,
      macvtaps: 'none',
      ipvtaps: 'none',
      'macvtap-reads': 'none',
      refused: 'none',
      'receive-batches': 'none',
      'queue-changes': 'none',
      readers: null,
      owners: 'procfs',
    },
  },
  { forced: ['transmit=raw-tracepoint'], code: 1, expected: { transmit: 'raw-tracepoint', ...noEntry } },
  { forced: ['transmit=arithmetic'], code: 1, expected: { transmit: 'arithmetic', ...noEntry, ...fromDevice } },
  { forced: ['transmit=off'], code: 3, expected: { transmit: null, ...noEntry, ...fromDevice } },
  {
    forced: ['consumed=device-counter'],
    code: FALLBACK,
    expected: { consumed: 'device-counter', ...notTaken },
  },
  { forced: ['freed=off'], code: 3, expected: { freed: null, before: null, ...fromDevice } },
  { forced: ['freed=raw-tracepoint'], code: 1, expected: { freed: 'raw-tracepoint' } },
  { forced: ['before=off'], code: 3, expected: { before: null } },
  {
    forced: ['ended=identity'],
    code: FALLBACK,
    expected: {
      ended: 'identity',
      transmit: 'raw-tracepoint',
      ...noEntry,
      consumed: 'arithmetic',
      ...notTaken,
    },
  },
  { forced: ['owners=procfs'], code: 1, expected: { owners: 'procfs' } },
];

async function doctorWith(forced: readonly string[]): Promise<DoctorReport> {
  const { code, stdout } = await tapscope(['doctor', '--json', ...forced.flatMap((choice) => ['--mechanism', choice])]);
  return { code, report: parseJson(stdout) };
}

for (const { forced, code, expected } of isNightly ? [...cases, ...long] : cases) {
  test(`doctor with ${forced.length > 0 ? forced.join(', ') : 'nothing forced'}`, async () => {
    const { code: answered, report } = forced.length > 0 ? await doctorWith(forced) : await doctorReport();
    const events = listAt(report, 'events');
    const mechanisms = Object.fromEntries(events.map((event) => [textAt(event, 'event'), at(event, 'mechanism')]));
    assert.deepEqual(mechanisms, { ...best, ...expected });
    assert.equal(answered, code);
  });
}

test('doctor says by which ways of memory tun goes, as the module file has it', async () => {
  const read = promisify(execFile);
  const file = (await read('modinfo', ['-n', 'tun'])).stdout.trim();
  const unpacked = `${file.endsWith('.xz') ? 'xz -dc' : 'cat'} ${file} >/tmp/tun.ko && nm -u /tmp/tun.ko`;
  const calls = new Set((await read('sh', ['-c', unpacked])).stdout.match(/\w+$/gm));
  assert.ok(calls.has('consume_skb'));
  const paths = listAt((await doctorReport()).report, 'skbPaths');
  const present = Object.fromEntries(paths.map((path) => [textAt(path, 'name'), at(path, 'present')]));
  assert.deepEqual(present, {
    'NAPI cache': calls.has('napi_build_skb') || calls.has('napi_skb_cache_put'),
    'deferred free': calls.has('napi_consume_skb') || calls.has('skb_attempt_defer_free'),
  });
});
