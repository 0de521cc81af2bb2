// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { readServeOptions, serveFlags } from './serve-options.ts';

function parse(...words: readonly string[]) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  for (const { flags, description, fallback } of serveFlags) command.option(flags, description, fallback);
  return readServeOptions(command.parse(words, { from: 'user' }).opts());
}

test('without flags it listens on this host alone', () => {
  const { filter, ...options } = parse();
  assert.deepEqual(options, {
    listen: { host: '127.0.0.1', port: 10_747 },
    webConfigFile: undefined,
    socket: '/run/tapscope/agent.sock',
    detail: 'queue',
    budget: 0.01,
    pin: true,
    logLevel: 'warn',
    tenantMap: undefined,
  });
  assert.ok(filter('tap0'));
});

test('every flag is understood', () => {
  const { filter, ...options } = parse(
    '--web.listen-address=[::1]:9000',
    '--web.config.file=/etc/tapscope/web.yml',
    '--detail=cpu',
    '--log.level=debug',
    '--budget=off',
    '--tenant-map=/etc/tapscope/tenants',
    '--no-pin',
    '--device-include=tap.*',
    '--device-exclude',
    'tap9|tap1.',
  );
  assert.deepEqual(options, {
    listen: { host: '::1', port: 9000 },
    webConfigFile: '/etc/tapscope/web.yml',
    socket: '/run/tapscope/agent.sock',
    detail: 'cpu',
    budget: undefined,
    pin: false,
    logLevel: 'debug',
    tenantMap: '/etc/tapscope/tenants',
  });
  assert.deepEqual(['tap0', 'tap1', 'tap10', 'tap9', 'mytap0', 'tun0'].filter(filter), ['tap0', 'tap1']);
});

for (const [words, message] of [
  [['--detail=port'], /^--detail=port is unknown; write one of: device, queue, cpu\.$/],
  [['--log.level=loud'], /^--log\.level=loud is unknown; write one of: silent, error, warn, info, debug\.$/],
  [['--web.listen-address=9000'], /^cannot listen on "9000": .*\.$/],
  [['--budget=5'], /^--budget=5 is no share of the host's CPUs; .*\.$/],
  [['--device-include=tap('], /^--device-include.*\.$/],
  [['--web.listen-adress=:1'], /unknown option/],
] as const) {
  test(`${words.join(' ')} is refused in one sentence`, () => assert.throws(() => parse(...words), { message }));
}
