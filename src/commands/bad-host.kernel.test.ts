// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Hosts that lack something: a kernel without types (BTF), a home and a root file system that are read-only. Each command gives a verdict or one sentence.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const mounted = (script: string): readonly string[] => ['unshare', '-m', 'sh', '-c', `${script} && exec "$@"`, 'sh'];
const WITHOUT_BTF = mounted('mount -t tmpfs none /sys/kernel/btf');
/** A host on which only /run, /dev and /proc can be written to. */
const READ_ONLY = mounted('mount --make-rprivate / && mount --bind / / && mount -o remount,bind,ro /');
const NO_AGENT = '--socket=/nonexistent';

test('without BTF: doctor names what is missing, and no command says OK or crashes', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', 100);
  const typed = async (...args: readonly string[]) => tapscope([...args, NO_AGENT], { wrapper: WITHOUT_BTF });
  const others = [
    ['top', '-b', '-n', '1'],
    ['record', '-o', '/dev/null', '--for=2s'],
    ['whatif', 'tap0', '--for=2s'],
  ];
  // Side by side, for most of their time they watch.
  const [doctor, checked, diagnosed, ...answers] = await Promise.all([
    typed('doctor'),
    typed('check', '--json'),
    typed('diagnose', '--for=2s'),
    ...others.map(async (args) => ({ args, ...(await typed(...args)) })),
  ]);
  assert.equal(doctor.code, 3);
  assert.match(doctor.stdout, /^BLIND: \d+ of \d+ events are not measured at all\.\n/);
  assert.match(doctor.stdout, /\n {2}BTF: needs a kernel built with CONFIG_DEBUG_INFO_BTF\.\n/);
  assert.deepEqual([checked.code, textAt(parseJson(checked.stdout), 'verdict')], [3, 'unknown']);
  assert.ok(listAt(parseJson(checked.stdout), 'unjudged').length > 10);
  assert.equal(diagnosed.code, 3);
  assert.match(diagnosed.stdout.replace(/\s+/g, ' '), /^UNKNOWN: .* \d+ rules could not judge/);
  for (const { args, code, stdout, stderr } of answers) {
    assert.ok(code === 0 || code === 1, `${args}: ${code}\n${stdout}${stderr}`);
    assert.doesNotMatch(stdout + stderr, /crashed|\n\s+at /, args.join(' '));
    assert.ok(code === 0 || /^tapscope: [^\n]+\.\n$/.test(stderr), stderr);
  }
});

test('without BTF: the agent serves what it sees, and says what it does not measure', { skip: noLab }, async (t) => {
  const agent = await startAgent(t, [], { wrapper: WITHOUT_BTF });
  const metrics = await agent.metrics();
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'transmit' }), 0);
  const { stdout, stderr } = await agent.stop();
  assert.match(
    stdout + stderr,
    /Not watched: drops, losses before tun, packets offered to queues and \d+ more things\. 'tapscope doctor --verbose' says more\./,
  );
});

test('a home and a root file system that cannot be written to change nothing', { skip: noLab }, async () => {
  const wrapper = ['env', 'HOME=/nonexistent', ...READ_ONLY];
  const [doctor, there, checked, recorded] = await Promise.all([
    tapscope(['doctor', NO_AGENT]),
    tapscope(['doctor', NO_AGENT], { wrapper }),
    tapscope(['check', NO_AGENT], { wrapper }),
    tapscope(['record', '-o', '/usr/host.rec', '--for=2s', NO_AGENT], { wrapper }),
  ]);
  assert.deepEqual([there.code, there.stdout, there.stderr], [doctor.code, doctor.stdout, doctor.stderr]);
  assert.match(checked.stdout, /^(?:OK|WARNING|CRITICAL|UNKNOWN): /);
  assert.equal(checked.stderr, '');
  assert.deepEqual([recorded.code, recorded.stdout], [1, '']);
  assert.match(recorded.stderr, /^tapscope: [^\n]*\/usr\/host\.rec[^\n]*EROFS[^\n]*\n$/);
});
