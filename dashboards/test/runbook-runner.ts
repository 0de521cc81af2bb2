// SPDX-License-Identifier: Apache-2.0
// A page for the person on call, typed: its blocks in their order, in one plain shell, and what each showed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Agent } from '../../test/agent/serve-process.ts';
import type { NamespaceLab } from '../../test/host/netns.ts';
import type { Runbook } from './runbook.ts';

const run = promisify(execFile);
const MARK = '--- end of block ---';

export interface Case {
  readonly device: string;
  /** The rule, if the page is about a finding. */
  readonly rule?: string;
  /** Expected output of each block of the page. A first block that only defines metrics() has none. */
  readonly shows: readonly RegExp[];
}

type Type = (page: Runbook, example: Case) => Promise<void>;

/** Types the pages on the host that this agent watches. */
export async function typist(
  t: { after(undo: () => Promise<unknown>): void },
  { agent, lab }: { readonly agent: Agent; readonly lab: NamespaceLab },
): Promise<Type> {
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-runbooks-'));
  t.after(() => rm(folder, { recursive: true }));
  // A page is for an agent with the default socket; `doctor` would report that none answers there.
  const command = `#!/bin/sh
[ "$1" = doctor ] && set -- "$@" --socket='${agent.socket}'
exec '${process.execPath}' '${resolve('dist/src/main.js')}' "$@"
`;
  await writeFile(join(folder, 'tapscope'), command, { mode: 0o755 });
  const environment = {
    PATH: `${folder}:${process.env.PATH}:/usr/sbin:/sbin`,
    instance: new URL(agent.url).host,
    netns: String(lab.inode),
    queue: '0',
  };
  return async ({ blocks }, { device, rule = '', shows }) => {
    const promised = blocks[0]?.startsWith('metrics()') ? [/^$/, ...shows] : shows;
    assert.equal(blocks.length, promised.length);
    // Each block must succeed to its last line.
    const script = blocks.map((block) => `${block}\necho '${MARK}'\n`).join('');
    const { stdout } = await run('sh', ['-eu', '-c', script], { env: { ...environment, device, rule } });
    const outputs = stdout.split(`${MARK}\n`);
    for (const [index, wanted] of promised.entries()) assert.match(outputs[index] ?? '', wanted, blocks[index]);
  };
}
