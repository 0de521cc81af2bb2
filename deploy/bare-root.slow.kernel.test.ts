// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, debootstrap, git.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cloneInto, copyNode, makeBareRoot, startInside, whyNoBareRoot } from '../test/debian/bare-root.ts';
import { freePort } from '../test/host/free-port.ts';
import { slowness } from '../test/host/slowness.ts';
import { isWhole } from '../test/whole.ts';

const clone = '/opt/tapscope';
const nobody = 65534;
/** On two quiet cores it takes a minute; beside two virtual machines almost three. */
const startLimitMs = 300_000;

// A test that is interrupted cleans up as well.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function finallyDo(t: TestContext, action: () => void): void {
  t.after(action);
  process.prependOnceListener('exit', action);
}

interface Line {
  readonly atMs: number;
  readonly text: string;
}

const suites = [
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
] as const;

for (const [name, suite] of isWhole ? suites : suites.slice(1))
  test(`in a bare ${name} "npm start" serves`, { skip: whyNoBareRoot() }, async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'tapscope-bare-'));
    finallyDo(t, () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    makeBareRoot(root, suite);
    copyNode(root);
    cloneInto(root, clone);

    await t.test('a plain user reads the exact line to type', async (t) => refusesPlainUser(t, root));
    await t.test('root installs, builds and serves', async (t) => {
      const { total, downloads } = await serves(t, root);
      assert.ok(
        total - downloads < startLimitMs * (await slowness()),
        `took ${total} ms, ${downloads} ms of them downloads`,
      );
    });
    await t.test('the second start finds everything ready', async (t) => {
      const { total } = await serves(t, root);
      assert.ok(total < 10_000 * (await slowness()), `took ${total} ms`);
    });
  });

async function refusesPlainUser(t: TestContext, root: string): Promise<void> {
  const copy = join(root, 'home/clone');
  cpSync(join(root, clone), copy, { recursive: true });
  for (const path of [root, copy]) chmodSync(path, path === copy ? 0o777 : 0o755);
  const child = startInside(root, '/home/clone', nobody, ['npm', 'start']);
  const lines = linesOf(t, child);
  const [status] = await once(child, 'close');
  const text = lines.map((line) => line.text).join('\n');
  assert.equal(status, 1, text);
  assert.match(text, /^ {2}clang: compiles the BPF programs$/m);
  assert.match(
    text,
    /^ {2}sudo apt-get install -y --no-install-recommends make clang g\+\+ pkg-config libbpf-dev libmnl-dev libseccomp-dev$/m,
  );
}

/** Runs `npm start` until /metrics answers, and stops it again. */
async function serves(t: TestContext, root: string): Promise<{ total: number; downloads: number }> {
  const address = `127.0.0.1:${await freePort()}`;
  const begun = Date.now();
  const child = startInside(root, clone, 0, ['npm', 'start', '--', `--web.listen-address=${address}`]);
  const lines = linesOf(t, child);
  const metrics = await waitForMetrics(child, address, lines);
  const total = Date.now() - begun;
  assert.match(metrics, /^tapscope_build_info/m);
  t.diagnostic(`first scrape after ${total} ms`);
  process.kill(-Number(child.pid), 'SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return { total, downloads: phases(t, lines, begun + total) };
}

async function waitForMetrics(child: ChildProcess, address: string, lines: readonly Line[]): Promise<string> {
  for (;;) {
    const answer = await fetch(`http://${address}/metrics`).catch(() => undefined);
    if (answer?.ok) return answer.text();
    const ended = child.exitCode !== null || child.signalCode !== null;
    assert.ok(!ended, `npm start ended:\n${lines.map((line) => line.text).join('\n')}`);
    await sleep(100);
  }
}

/** Tells how long each step took; returns the milliseconds of those that download. */
function phases(t: TestContext, lines: readonly Line[], endMs: number): number {
  const steps = lines.filter(({ text }) => /^tapscope: .* …$/.test(text));
  let downloads = 0;
  for (const [index, step] of steps.entries()) {
    const took = (steps[index + 1]?.atMs ?? endMs) - step.atMs;
    if (/: (fetching|downloading|installing the npm packages)/.test(step.text)) downloads += took;
    t.diagnostic(`${took} ms: ${step.text}`);
  }
  return downloads;
}

function linesOf(t: TestContext, child: ChildProcess): readonly Line[] {
  finallyDo(t, () => {
    try {
      process.kill(-Number(child.pid), 'SIGKILL');
    } catch {
      // It has ended already, with all it started.
    }
  });
  const lines: Line[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (text) => lines.push({ atMs: Date.now(), text }));
  }
  return lines;
}
