// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope check` as built, beside an agent.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, parseJson, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { assertValid } from '../../test/host/valid-json.ts';

const ATTEMPTS = 10;

test('a running agent is named; programs are told what people are', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', 100);
  const agent = await startAgent(t);
  const { code, report } = await answered(['check', 'tap0', '--netns', lab.name, '--json', `--socket=${agent.socket}`]);
  assert.equal(at(report, 'agent', 'pid'), agent.pid);
  assert.equal(code, { ok: 0, warning: 1, critical: 2, unknown: 3 }[textAt(report, 'verdict')]);
  assert.match(textAt(report, 'status'), /^[A-Z]+: /);
  assert.equal(textAt(report, 'items', 0, 'what'), 'devices');
});

/** Asks again until an agent answered: it has 2 s, and on a busy machine may take longer. */
async function answered(args: readonly string[]): Promise<{ readonly code: number | null; readonly report: unknown }> {
  for (let attempt = 1; ; attempt++) {
    const { code, stdout } = await tapscope(args);
    const report = parseJson(stdout);
    if (at(report, 'agent') !== null || attempt === ATTEMPTS) return { code, report };
  }
}

const NO_RIGHTS = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

test('what cannot be answered is UNKNOWN on standard output, as a line or as JSON, and nothing is on stderr', {
  skip: noLab,
}, async () => {
  const alone = '--socket=/nonexistent';
  const cases: readonly (readonly [args: readonly string[], wrapper: readonly string[], line: RegExp])[] = [
    [['nosuch0', alone], [], /^UNKNOWN: No tun, tap or macvtap device named nosuch0 is on this host/],
    [
      [alone],
      NO_RIGHTS,
      /^UNKNOWN: not root, so tapscope sees nothing\. Type: sudo tapscope check --socket=\/nonexistent$/,
    ],
    [['--no-such-option'], [], /^UNKNOWN: error: unknown option '--no-such-option'/],
  ];
  for (const [args, wrapper, line] of cases) {
    const { code, stdout } = await tapscope(['check', ...args], { wrapper });
    assert.match(stdout.split('\n')[0] ?? '', line);
    assert.equal(code, 3);
    const report = parseJson((await tapscope(['check', ...args, '--json'], { wrapper })).stdout);
    assertValid('check', report);
    assert.match(textAt(report, 'status'), /^UNKNOWN: /);
    assert.equal(textAt(report, 'verdict'), 'unknown');
  }
});
