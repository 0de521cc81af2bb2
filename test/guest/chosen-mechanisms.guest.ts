// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// What takes the place of a mechanism that --mechanism forces away, as `tapscope doctor` tells it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { attachProbes } from '../../src/engine/attach.ts';
import { readHost } from '../../src/kernel/host.ts';
import { BpfObject } from '../../src/kernel/native.ts';
import { EVENTS, PROBED } from '../../src/subjects/list.ts';
import { tapscope } from '../agent/serve-process.ts';
import { dismissStanding } from '../agent/shared-agent.ts';
import { parseJson } from '../host/checked-json.ts';
import { isWhole } from '../whole.ts';
import { best, type Mechanisms, mechanismsOf, underLock } from './doctor-report.ts';

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
      'last-counters': 'none',
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
      backlogs: null,
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

for (const { forced, code, expected } of isWhole ? [...cases, ...long] : cases) {
  test(`doctor with ${forced.join(', ')}`, async () => {
    await dismissStanding(); // doctor would tell of it
    const choices = forced.flatMap((choice) => ['--mechanism', choice]);
    const said = await tapscope(['doctor', '--json', ...choices]);
    assert.deepEqual(mechanismsOf(parseJson(said.stdout)), { ...best, ...expected });
    assert.equal(said.code, code);
  });
}

test('what cannot be attached gives way to what is next best, which is loaded then', (t) => {
  const { attach } = BpfObject.prototype;
  t.mock.method(BpfObject.prototype, 'attach', function (this: BpfObject, program: string) {
    if (program === 'dropped_typed') throw new Error('the test refuses it'); // all others go on to the kernel
    return attach.call(this, program);
  });
  const probes = attachProbes(readHost(PROBED), EVENTS, { forced: new Map(), pin: true });
  t.after(() => probes.close());
  const freed = probes.choices().find(({ event }) => event.name === 'freed');
  assert.equal(freed?.mechanism?.name, 'raw-tracepoint');
  assert.ok(freed.refused.some(({ reason }) => /the test refuses it/.test(reason)));
  assert.ok(probes.attached().includes('dropped_raw'));
});
