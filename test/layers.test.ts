// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The check of `make lint` sees what it forbids.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objection } from './layers.ts';

const CASES: readonly (readonly [file: string, specifier: string, allowed: boolean])[] = [
  ['src/engine/rows.ts', '../kernel/native.ts', true],
  ['src/kernel/host.ts', '../engine/rows.ts', false],
  ['src/kernel/native.ts', '../../addon/tapscope.d.ts', true],
  ['src/engine/rows.ts', '../../addon/tapscope.d.ts', false],
  ['src/engine/rows.ts', '../subjects/list.ts', false],
  ['src/subjects/vhost.ts', '../kernel/native.ts', true],
  ['src/snapshot/queue.ts', '../kernel/native.ts', false],
  ['src/outputs/text.ts', '../kernel/native.ts', false],
  ['src/outputs/text.ts', 'node:fs', false],
  ['src/server/http.ts', 'fastify', true],
  ['src/engine/rows.ts', 'fastify', false],
  ['src/kernel/host.ts', 'node:child_process', false],
  ['bench/run.ts', 'node:child_process', true],
  ['bench/run.ts', '../src/kernel/host.ts', true],
  ['src/commands/help.ts', '../../bench/main.ts', false],
  ['src/utils.ts', './snapshot.ts', false],
  ['src/commands/serve.ts', '../../test/host/netns.ts', false],
  ['src/commands/serve.kernel.test.ts', '../../test/host/netns.ts', true],
  ['src/commands/serve.kernel.test.ts', '../../lab/vm/boot.ts', false],
  ['test/host/netns.ts', '../../lab/vm/boot.ts', false],
  ['test/host/netns.ts', '../../src/kernel/host.ts', true],
  ['dashboards/test/recording.ts', '../../lab/vm/boot.ts', false],
  ['lab/vm/boot.ts', '../../dashboards/test/recording.ts', true],
  ['lab/vm/boot.ts', '../../deploy/npm.mjs', false],
  ['deploy/test.mjs', '../test/bundle.ts', true],
  ['deploy/test.mjs', '../lab/vm/boot.ts', false],
  ['dashboards/boards/panels.ts', '../../src/agent/sampler.ts', false],
];

test('the check of layers sees what it forbids', () => {
  for (const [file, specifier, allowed] of CASES)
    assert.equal(objection(file, specifier) === undefined, allowed, `${file} importing ${specifier}`);
});
