// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// An agent that npm started (npx tapscope serve, npm start) ends with it, in order, however npm ends.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

/** As from a terminal: a session of its own, whose foreground is npm and all that it starts. `pid` is npm's. */
async function byNpm(t: TestContext): Promise<{ readonly npm: Agent; readonly pid: number }> {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start: 'exec' } }));
  const npm = await startAgent(t, ['--log.format=logfmt'], {
    wrapper: ['setsid', 'npm', '--prefix', folder, 'start', '--'],
  });
  const pid = npm.servingPid() ?? assert.fail('npm has no child');
  t.after(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  });
  return { npm, pid };
}

for (const [what, end, says] of [
  ['is killed', ({ pid }) => process.kill(pid, 'SIGKILL'), 'npm, which started it, has ended'],
  ['is terminated', ({ pid }) => process.kill(pid, 'SIGTERM'), 'SIGTERM'],
  ['is interrupted at the terminal (Ctrl-C)', ({ pid }) => process.kill(-pid, 'SIGINT'), 'SIGINT'],
  ['loses its terminal', ({ pid }) => process.kill(-pid, 'SIGHUP'), 'SIGHUP'],
] satisfies readonly (readonly [string, (npm: Agent) => unknown, string])[])
  test(`npm ${what}: the agent stops, and says why`, { skip: noLab }, async (t) => {
    const { npm, pid } = await byNpm(t);
    end(npm);
    await until(() => !existsSync(`/proc/${pid}`));
    assert.deepEqual(npm.said().match(/(?<=msg=")[^"]*(?=: tapscope stops\.)/g), [says], npm.said());
    assert.ok(!existsSync(npm.socket));
  });
