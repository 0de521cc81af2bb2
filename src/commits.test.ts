// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What the history says of itself: `area: what it does now` fits the list of commits on a screen.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const MOST_CHARACTERS = 60;
/** The last commit before the limit was checked. */
const BEFORE = 'd489ea5';

function git(...words: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', words, { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

const isThere = git('merge-base', '--is-ancestor', BEFORE, 'HEAD') !== undefined;
const skip = isThere ? false : `no history since ${BEFORE}: a shallow clone, or none`;

test(`the subject of a commit has at most ${MOST_CHARACTERS} characters`, { skip }, () => {
  const subjects = (git('log', '--no-merges', '--format=%h %s', `${BEFORE}..HEAD`) ?? '').split('\n');
  assert.ok(subjects.length > 1);
  const long = subjects.filter((line) => line.slice(line.indexOf(' ') + 1).length > MOST_CHARACTERS);
  assert.deepEqual(long, []);
});
