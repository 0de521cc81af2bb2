// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, virtual machines.
// `tapscope bench --table multiqueue` as built, where there is no guest: the cell says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapscope } from '../../test/agent/serve-process.ts';
import { listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { noLab } from '../../test/host/netns.ts';
import { benchGuests } from './bench-guests.ts';

const ONE = ['bench', '--table=multiqueue', '--seconds=1'];
const CELL = '^stream/host-to-guest/size=default/sessions=2/queues=2$';

test('a kernel that is not there: the cell says so, and nothing was measured', { skip: noLab }, async (t) => {
  const guests = await benchGuests();
  if (typeof guests === 'string') return t.skip(guests);
  const words = [...ONE, `--only=${CELL}`, '--guest-kernel=/no/kernel', '--guest-vhost=off'];
  const { code, stdout } = await tapscope(words);
  assert.equal(code, 1);
  assert.match(stdout, /^NOTHING could be measured on this host\.$/m);
  assert.match(stdout, /^2 +\/no\/kernel is not there: --guest-kernel takes the file of a kernel$/m);
  const json = await tapscope([...words, '--format=json']);
  const [result] = listAt(parseJson(json.stdout), 'results');
  assert.match(textAt(result, 'missing'), /^\/no\/kernel is not there/);
});
