// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../subjects/list.ts';
import { lostBecause, thingOf, thingsOf, unwatched } from './unwatched.ts';

const HIDDEN = 'kernel symbol addresses are hidden; grant CAP_SYSLOG and set kernel.kptr_restrict below 2';
const blind = (event: string, reason: string) => ({ event, attached: false, reason });
const there = (event: string) => ({ event, attached: true, reason: undefined });

test('each event has a name that people know', () => {
  for (const { name } of EVENTS) assert.notEqual(thingOf(name), name, `src/diagnosis/unwatched.ts lacks ${name}`);
  assert.equal(new Set(EVENTS.map(({ name }) => thingOf(name))).size, EVENTS.length);
});

test('what is not watched is said with its reason, once for all that have the same, what matters most first', () => {
  const probes = [
    there('devices'),
    blind('ended', 'fentry: --mechanism ended=off'),
    blind('freed', `tp_btf: ${HIDDEN}; raw-tracepoint: ${HIDDEN}; location: this kernel gives a reason for each drop`),
    blind('before', 'raw-tracepoint: needs freed to be measured'),
  ];
  assert.deepEqual(unwatched(probes), [
    `drops and losses before tun are not watched: ${HIDDEN}`,
    'deletions of devices are not watched: --mechanism ended=off',
  ]);
  assert.deepEqual(unwatched(probes, ['devices', 'before']), [`losses before tun are not watched: ${HIDDEN}`]);
  assert.deepEqual(unwatched([there('devices')]), []);
});

test('programs that the kernel refuses are one reason, and no names of files', () => {
  const refused = (program: string) =>
    `fentry: load program ${program} of dist/bpf/tapscope.bpf.o: Operation not permitted`;
  assert.deepEqual(unwatched([blind('transmit', refused('a')), blind('freed', refused('b'))]), [
    'drops and packets offered to queues are not watched: the kernel refuses the program: Operation not permitted',
  ]);
});

test('of many the first are named; an event and a cause of another version by its own name', () => {
  assert.equal(
    thingsOf(['vhost', 'stops', 'owners', 'before', 'freed']),
    'drops, losses before tun, owners of queues and 2 more things',
  );
  assert.equal(
    thingsOf(['vhost', 'stops', 'owners', 'freed']),
    'drops, owners of queues, stopped queues and packets that vhost-net holds',
  );
  assert.equal(thingsOf(['of-a-later-version']), 'of-a-later-version');
  assert.deepEqual(unwatched([{ event: 'freed', attached: false, reason: undefined }]), ['drops are not watched']);
  assert.equal(lostBecause('no_row'), 'the table of queues is full');
  assert.equal(lostBecause('of_a_later_version'), 'of_a_later_version');
});
