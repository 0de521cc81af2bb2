// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, openssl.
// --web.config.file of the agent as built: what it says, and how it ends, when the file cannot be used.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';

for (const [what, config, words] of [
  ['no YAML', '[', /it is not YAML \(.*\)\.$/],
  [
    'an unknown key',
    'tls_server_config:\n  certfile: a\n',
    /tls_server_config\.certfile is unknown; tapscope knows there: /,
  ],
  [
    'a missing certificate',
    'tls_server_config:\n  cert_file: a\n  key_file: b\n',
    /tls_server_config\.cert_file: .* cannot be read \(ENOENT: .*\)\.$/,
  ],
  [
    'a password in the clear',
    'basic_auth_users:\n  alice: secret\n',
    /basic_auth_users\.alice is not a bcrypt hash; .*\.$/,
  ],
] as const) {
  test(`${what} is one sentence, and the agent does not start`, { skip: noLab }, async (t) => {
    const file = join(temporaryFolder(t), 'web.yml');
    writeFileSync(file, config);
    const { code, stdout, stderr } = await tapscope([
      'serve',
      '--web.listen-address=127.0.0.1:0',
      `--web.config.file=${file}`,
    ]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^tapscope: cannot use --web\.config\.file=[^\n]*\n$/);
    assert.match(stderr.trimEnd(), words);
    assert.doesNotMatch(stderr, /secret/);
  });
}

test('a file that may not be read', { skip: noLab }, async (t) => {
  const file = join(temporaryFolder(t), 'web.yml');
  writeFileSync(file, '');
  chmodSync(file, 0);
  const wrapper = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const { code, stderr } = await tapscope(['serve', `--web.config.file=${file}`], { wrapper });
  assert.equal(code, 1);
  assert.match(stderr, /^tapscope: cannot use --web\.config\.file=[^\n]*EACCES[^\n]*\.\n$/);
});

test('an endpoint that is open to the network says so: in the log, in a metric and to doctor', {
  skip: noLab,
}, async (t) => {
  const safe = await startAgent(t, ['--budget=off']);
  assert.equal((await safe.metrics()).value('tapscope_endpoint_exposed'), 0);
  await safe.stop();
  const agent = await startAgent(t, ['--budget=off'], { listen: '' });
  assert.equal((await agent.metrics()).value('tapscope_endpoint_exposed'), 1);
  const { stdout } = await tapscope(['doctor', `--socket=${agent.socket}`]);
  assert.match(
    stdout,
    /An agent runs, .*\nThat is open: every client that reaches :\d+ can read the metrics: set basic_auth_users in /,
  );
  const { stderr } = await agent.stop();
  assert.match(stderr, /^tapscope: every client that reaches :\d+ can read the metrics: /m);
});
