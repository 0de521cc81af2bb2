// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The threads of the process that serves share one heap of the C library.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startAgent } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';

/** glibc: the room of an arena, and what its address is a multiple of (HEAP_MAX_SIZE). */
const ARENA = 64 * 2 ** 20;
/** Compressed in other threads, each of which would take an arena. */
const PAGES = 40;

/** Where the room of an arena begins: a part that is used, and the rest of it, which is not. */
function arenasOf(maps: string): readonly string[] {
  const areas = [...maps.matchAll(/^([\da-f]+)-([\da-f]+) (\S+) /gm)].map(([, from = '', to = '', mode = '']) => ({
    from: Number.parseInt(from, 16),
    to: Number.parseInt(to, 16),
    mode,
  }));
  return areas.flatMap(({ from, to, mode }, index) => {
    const rest = areas[index + 1];
    const isArena = from % ARENA === 0 && mode === 'rw-p' && rest?.mode === '---p' && rest.from === to;
    return isArena && rest.to === from + ARENA ? [from.toString(16)] : [];
  });
}

test('however many pages it compresses, it has no arena beside the heap', { skip: noLab }, async (t) => {
  const agent = await startAgent(t);
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  const page = (): Promise<string> =>
    fetch(`${agent.url}/metrics`, { headers: { 'accept-encoding': 'gzip' } }).then((answer) => answer.text());
  for (let pages = 0; pages < PAGES; pages += 4) await Promise.all([page(), page(), page(), page()]);
  assert.deepEqual(arenasOf(readFileSync(`/proc/${serving}/maps`, 'utf8')), []);
});
