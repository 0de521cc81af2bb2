// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { EVENTS, parseForced } from './list.ts';

test('a forced mechanism is one that the event has', () => {
  const forced = parseForced(['transmit=raw-tracepoint', 'owners=off']);
  assert.deepEqual(
    [...forced],
    [
      ['transmit', 'raw-tracepoint'],
      ['owners', 'off'],
    ],
  );
  assert.throws(
    () => parseForced(['offered=fentry']),
    /there is no event 'offered'\. Use one of devices, ended, last-counters, freed, before, queue-changes, transmit, /,
  );
  assert.throws(
    () => parseForced(['transmit=kprobe']),
    /transmit has no mechanism 'kprobe'\. Use one of fentry, raw-tracepoint, arithmetic, off\./,
  );
  assert.throws(() => parseForced(['transmit']), /transmit has no mechanism ''/);
});

test('what a mechanism needs is decided before it', () => {
  const before = new Set<string>();
  for (const { name, mechanisms } of EVENTS) {
    for (const need of mechanisms.flatMap(({ needs }) => needs)) assert.ok(before.has(need.split('=')[0] ?? ''), need);
    before.add(name);
  }
});

test('only the best mechanism of an event has no tradeoff, unless it must be asked for', () => {
  for (const { name, mechanisms } of EVENTS)
    for (const [i, { tradeoff, onDemand = false }] of mechanisms.entries())
      assert.equal(tradeoff === undefined, i === 0 && !onDemand, name);
});

test('what is asked for is provided by some mechanism', () => {
  const provided = new Set(EVENTS.flatMap(({ mechanisms }) => mechanisms.flatMap(({ provides = [] }) => provides)));
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  const asked = sources.flatMap((file) => [
    ...readFileSync(join('src', file), 'utf8').matchAll(/\bcan\('([^']+)'\)|needs: '([^']+)'/g),
  ]);
  const names = asked.map(([, capability, needed]) => capability ?? needed ?? '');
  assert.ok(names.length > 30);
  assert.deepEqual(
    names.filter((name) => !provided.has(name)),
    [],
  );
});

test('events of queues that are read are in enum queue_event', () => {
  const header = readFileSync('bpf/rows/queue-events.bpf.h', 'utf8');
  const declared = [...header.matchAll(/\bEVENT_(\w+)/g)].map(([, name = '']) => name.toLowerCase());
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(subjects|accounting)\/(?!.*\.test).*\.ts$/.test(file),
  );
  const read = sources.flatMap((file) => [
    ...readFileSync(join('src', file), 'utf8').matchAll(/(?:events\.get|\bcount)\('(\w+)'\)/g),
  ]);
  const names = read.map(([, name = '']) => name);
  assert.ok(names.length > 15);
  assert.deepEqual(
    names.filter((name) => !declared.includes(name)),
    [],
  );
});
