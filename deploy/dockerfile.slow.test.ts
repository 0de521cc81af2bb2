// SPDX-License-Identifier: Apache-2.0
// Needs: dpkg-dev, git.
// deploy/Dockerfile copies all that its RUN lines read: the build stage is played in a folder with exactly these files.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
/** [command, words] of each line of the stage that builds. */
const steps = [...(text.split(/^FROM /m)[1] ?? '').matchAll(/^(COPY|RUN) (.*)$/gm)].map(([, command, words = '']) => ({
  command,
  words,
}));
const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
});
const files = listed.split('\n');

test('the stage of the Dockerfile that builds has every file that it reads', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ran: string[] = [];
  for (const { command, words } of steps) {
    if (command === 'COPY') copy(folder, words.split(' '));
    else if (words.startsWith('npm ci ')) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    else if (!words.startsWith('apt-get ')) {
      ran.push(words);
      const { status, stdout, stderr } = spawnSync('sh', ['-c', words], { cwd: folder, encoding: 'utf8' });
      assert.equal(status, 0, `RUN ${words}:\n${stdout}${stderr}`);
    }
  }
  assert.deepEqual(ran, ['npm run deb']);
});

function copy(folder: string, words: readonly string[]): void {
  const to = words.at(-1) ?? '';
  for (const from of words.slice(0, -1)) {
    const found = files.filter((file) => file === from || file.startsWith(`${from}/`));
    assert.ok(found.length > 0, `COPY ${from}`);
    for (const file of found) {
      const target = to.endsWith('/') ? join(to, file) : file.replace(from, to);
      cpSync(join(root, file), join(folder, target), { preserveTimestamps: true });
    }
  }
}
