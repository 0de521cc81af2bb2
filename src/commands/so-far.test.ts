// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The line of diagnose while it watches: the worst finding so far, in a few words.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../diagnosis/finding.ts';
import { readRecording } from './recording.ts';
import { inFewWords, soFarOf } from './so-far.ts';

const RECORDED = join(import.meta.dirname, '../../test/recorded/linux-6.1.rec');

test('nothing is said of one snapshot, then the worst and how many more, as the snapshots come', async () => {
  const { snapshots } = await readRecording(RECORDED);
  const seen = snapshots.slice(0, 1);
  const soFar = soFarOf(seen, {});
  assert.equal(soFar(), '');
  seen.push(...snapshots.slice(1));
  assert.match(soFar(), /^[a-z-]+ on tap\d(?: queue \d)?(?: and \d more)? so far$/);
});

test('a device that is not there is said at the end, and not every second', async () => {
  const { snapshots } = await readRecording(RECORDED);
  assert.equal(soFarOf(snapshots, { device: 'gone' })(), '');
});

test('notes are no findings yet', () => {
  const note: Finding = {
    ...{ rule: 'no-reader', severity: 'info', cause: '', confidence: 'high' },
    ...{ device: 'tap0', netns: 1, queue: undefined, evidence: [], remedies: [], rejected: [], degraded: [] },
  };
  assert.equal(inFewWords([note]), 'nothing found so far');
  assert.equal(inFewWords([note, { ...note, severity: 'warning' }]), 'no-reader on tap0 so far');
  assert.equal(inFewWords([{ ...note, severity: 'critical', device: undefined }]), 'no-reader on the agent so far');
});
