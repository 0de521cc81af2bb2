// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// The --json of each command matches docs/schema/tapscope.schema.json, for a real tap that loses packets.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { assertValid, validatorOf } from '../../test/host/valid-json.ts';

/** The output. The exit code says what was found, and is no failure. */
function said(...words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 2 ** 26, timeout: 60_000 };
    execFile(process.execPath, ['dist/src/main.js', ...words], options, (_, stdout) => resolve(stdout));
  });
}

test('every command says what its schema says, with numbers as numbers', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const flood = setInterval(() => void testReader.udp(peer, 9, 100, 64).catch(() => undefined), 100);
  t.after(() => clearInterval(flood));

  const scope = ['tap0', '--netns', String(lab.inode), '--for', '4s'];
  // Side by side, for most of their time they watch.
  const [diagnose, check, top, doctor, whatif, explain, drops] = await Promise.all([
    said('diagnose', ...scope, '--json'),
    said('check', '--json'),
    said('top', '-b', '-n', '1', '-d', '1', '--json'),
    said('doctor', '--json'),
    said('whatif', ...scope, '--json'),
    said('explain', '--json'),
    said('drops', '--for', '3s', '--json'),
  ]);
  const diagnosed = parseJson(diagnose);
  assertValid('diagnose', diagnosed);
  const figures = at(listAt(diagnosed, 'findings')[0], 'figures');
  for (const name of ['seconds', 'offered', 'lost', 'share'])
    assert.equal(typeof at(figures, name), 'number', `${name}: ${JSON.stringify(figures)}`);
  assert.ok(Number(at(figures, 'share')) > 0.9);
  assertValid('check', parseJson(check));
  assertValid('top', parseJson(top));
  assertValid('doctor', parseJson(doctor));
  const forecast = parseJson(whatif);
  assertValid('whatif', forecast);
  assert.ok(listAt(forecast, 'sizes').length >= 3);
  assertValid('explain', parseJson(explain));
  const lines = drops.trim().split('\n');
  assert.ok(lines.length >= 2);
  for (const line of lines) assertValid('drops', parseJson(line));
});

test('the schema says no to what is none', () => {
  const validate = validatorOf('diagnose');
  assert.ok(
    !validate({ schema: 1, takenAt: '2026-11-23', seconds: 1, host: {}, findings: [], unjudged: [], verdict: 'fine' }),
  );
});
