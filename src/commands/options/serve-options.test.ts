// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { parseBudget } from '../../engine/budget.ts';
import { readLogOptions, readServeOptions, serveFlags } from './serve-options.ts';

function parse(...words: readonly string[]) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  for (const { flags, description, fallback } of serveFlags) command.option(flags, description, fallback);
  return readServeOptions(command.parse(words, { from: 'user' }).opts());
}

test('without flags it listens on this host alone', () => {
  assert.deepEqual(parse(), {
    listen: { host: '127.0.0.1', port: 10_747 },
    webConfigFile: undefined,
    allowedHosts: [],
    socket: '/run/tapscope/agent.sock',
    socketGroup: undefined,
    detail: 'queue',
    budget: parseBudget('auto'),
    level: 'auto',
    pin: true,
    created: false,
    tenantMap: undefined,
    otlp: undefined,
    devices: { include: undefined, exclude: undefined },
  });
});

test('every flag is understood', () => {
  const options = parse(
    '--web.listen-address=[::1]:9000',
    '--web.config.file=/etc/tapscope/web.yml',
    '--web.allowed-host=tapscope.example.com',
    '--web.allowed-host=*',
    '--detail=cpu',
    '--socket-group=root',
    '--budget=off',
    '--level=exact',
    '--tenant-map=/etc/tapscope/tenants',
    '--otlp=https://collector:4318/otlp/',
    '--otlp-header=Authorization: Bearer secret',
    '--otlp-header=X-Scope-OrgID: team1',
    '--otlp-interval=30s',
    '--no-pin',
    '--openmetrics-created',
    '--device-include=tap.*',
    '--device-exclude',
    'tap9|tap1.',
  );
  assert.deepEqual(options, {
    listen: { host: '::1', port: 9000 },
    webConfigFile: '/etc/tapscope/web.yml',
    allowedHosts: ['tapscope.example.com', '*'],
    socket: '/run/tapscope/agent.sock',
    socketGroup: { name: 'root', gid: 0 },
    detail: 'cpu',
    budget: undefined,
    level: 'exact',
    pin: false,
    created: true,
    tenantMap: '/etc/tapscope/tenants',
    otlp: {
      endpoint: {
        url: 'https://collector:4318/otlp',
        headers: { authorization: 'Bearer secret', 'x-scope-orgid': 'team1' },
        ca: undefined,
        proxy: undefined,
      },
      everyMs: 30_000,
    },
    devices: { include: 'tap.*', exclude: 'tap9|tap1.' },
  });
});

for (const [words, message] of [
  [['--detail=port'], /^--detail=port is unknown; write one of: core, device, queue, full, cpu\.$/],
  [['--web.listen-address=9000'], /^cannot listen on "9000": .*\.$/],
  [['--web.allowed-host=http://a:80'], /^--web\.allowed-host=http:\/\/a:80 is not the name of a host; .*\.$/],
  [['--level=lean'], /^--level=lean is unknown; write one of: auto, exact, rest\.$/],
  [['--budget=5'], /^--budget=5 is no share of the host's CPUs; .*\.$/],
  [['--otlp=collector:4318'], /^--otlp=collector:4318 is not the address of a collector; .*\.$/],
  [['--otlp=http://a/v1/metrics'], /^--otlp=.* is the address of one signal; leave \/v1\/metrics away\.$/],
  [['--otlp=http://a', '--otlp-header=Bearer secret'], /^header 1 of --otlp-header is not a header; (?!.*secret).*\.$/],
  [
    ['--otlp=http://a', '--otlp-header=@/no/file'],
    /^--otlp-header: \/no\/file cannot be read \(ENOENT: no such file or directory\)\.$/,
  ],
  [
    ['--otlp=http://a', '--otlp-ca=/no/file'],
    /^--otlp-ca: \/no\/file cannot be read \(ENOENT: no such file or directory\)\.$/,
  ],
  [['--otlp=http://a', '--otlp-interval=0'], /^--otlp-interval=0 is not a time between .*\.$/],
  [['--otlp-header=A: b'], /^--otlp-header and --otlp-ca are for a collector; .*\.$/],
  [['--web.listen-adress=:1'], /unknown option/],
] as const) {
  test(`${words.join(' ')} is refused in one sentence`, () => assert.throws(() => parse(...words), { message }));
}

test('logs are sentences from info on, unless asked otherwise', () => {
  assert.deepEqual(readLogOptions({ 'log.format': 'text', 'log.level': 'info' }), { format: 'text', level: 'info' });
  assert.throws(
    () => readLogOptions({ 'log.format': 'json', 'log.level': 'loud' }),
    /^Error: --log\.level=loud is unknown; write one of: silent, error, warn, info, debug\.$/,
  );
  assert.throws(
    () => readLogOptions({ 'log.format': 'xml', 'log.level': 'info' }),
    /^Error: --log\.format=xml is unknown; write one of: text, logfmt, json\.$/,
  );
});
