// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The name of a pod: a real tap and process, in a cgroup named as the kubelet's cgroupfs driver names it, and its folder as the kubelet names that.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

const POD = 'f2c6a1de-0b0a-4a6e-9a35-4a1c56f5c0de';
const CONTAINER = '0123456789abcdef'.repeat(4);

/** Any hierarchy: the pod is found in each. */
function anyCgroup(): string | undefined {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const found = mounts.map((line) => line.split(' ')).filter(([, , type]) => type === 'cgroup' || type === 'cgroup2');
  return found.find(([, , , options = '']) => /\b(freezer|nsdelegate)\b/.test(options))?.[1] ?? found[0]?.[1];
}

const root = anyCgroup();

test('a tap in a pod has the namespace and the name of the pod, in metrics, text and filters', {
  skip: noLab || (root === undefined && 'needs a cgroup hierarchy'),
}, async (t) => {
  assert.ok(root);
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const folders = [`tapscope-${process.pid}`, 'kubepods', 'burstable', `pod${POD}`, CONTAINER];
  const paths = folders.map((_, depth) => join(root, ...folders.slice(0, depth + 1)));
  for (const path of paths) mkdirSync(path);
  lab.after(async () => {
    if (existsSync(`/proc/${testReader.pid}`)) writeFileSync(join(root, 'cgroup.procs'), String(testReader.pid));
    for (const path of paths.toReversed()) rmdirSync(path);
  });
  writeFileSync(join(paths.at(-1) ?? '', 'cgroup.procs'), String(testReader.pid));

  const logs = mkdtempSync(join(tmpdir(), 'tapscope-pods-'));
  t.after(() => rmSync(logs, { recursive: true }));
  // pkg/kubelet/kuberuntime: BuildPodLogsDirectory(); and what it would never make.
  for (const name of [`shop_web-0_${POD}`, `shop_\u001b[2J_${POD}`, `SHOP_web_${POD.replace('f', 'a')}`, 'lost+found'])
    mkdirSync(join(logs, name));
  const script = 'mkdir -p /var/log/pods && mount --bind "$0" /var/log/pods && exec "$@"';
  const agent = await startAgent(t, [], { wrapper: ['unshare', '--mount', 'sh', '-c', script, logs] });
  const labels = { device: 'tap0', netns: String(lab.inode), uid: POD, namespace: 'shop', pod: 'web-0' };
  await until(async () => (await agent.metrics()).value('tapscope_device_pod_info', labels) === 1);
  const metrics = await agent.metrics();
  assert.equal(metrics.value('tapscope_device_pod_info', labels), 1);
  assert.equal(metrics.by('pod', 'tapscope_device_pod_info', { netns: String(lab.inode) })['web-0'], 1);
  for (const pod of ['shop/web-0', 'web-0', POD]) {
    const { stdout, stderr } = await tapscope(['top', '-b', '-n', '1', `--pod=${pod}`, `--socket=${agent.socket}`]);
    assert.match(stdout, /tap0\/0 .*pod shop\/web-0/, stderr);
  }
  const other = await tapscope(['top', '-b', '-n', '1', '--pod=shop/web-1', `--socket=${agent.socket}`]);
  assert.match(other.stderr, /No tun, tap or macvtap device of pod shop\/web-1 is on this host/);
});
