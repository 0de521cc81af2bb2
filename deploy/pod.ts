// SPDX-License-Identifier: Apache-2.0
// The pod of the packaged Helm chart without a cluster: its container runs as `helm template` says, and counts what a full ring drops. What an API server
// says of the objects is asked in lab/kubernetes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { at, listAt, textAt } from '../test/host/checked-json.ts';
import { HELM, pathOf, provide } from '../test/host/need.ts';
import { namespaceLab } from '../test/host/netns.ts';
import { succeeds, until } from '../test/host/until.ts';
import { isWhole } from '../test/whole.ts';
import { buildChart } from './chart.mjs';
import { containerIn, keepRunning, type Mount } from './container.ts';

const ADDRESS = '127.0.0.1';
const DEVICE = 'tap0';
const RING = 10;
const PACKETS = 25;
const WORDS = [
  'template',
  '--namespace=tapscope',
  '--kube-version=1.30.0',
  '--set=image.repository=registry.example/tapscope',
  'tapscope',
];

/** `program`: the entry point of the image in `root`; `folder`: for the chart. */
export async function servesInPod(t: TestContext, root: string, program: string, folder: string): Promise<void> {
  const why = isWhole ? await provide([HELM]) : pathOf(HELM.file) === undefined && 'by hand: WHOLE=1 builds Helm';
  if (why) return t.skip(why);
  const pod = podOf(buildChart(`${import.meta.dirname}/..`, folder));
  const [agent] = listAt(pod, 'containers');
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  const environment = environmentOf(agent);
  const run = containerIn(t, root, {
    networkOf: reader.pid,
    capabilities: capabilitiesOf(agent),
    mounts: mountsOf(pod, agent),
    environment,
  });
  // The kubelet replaces these names.
  const args = listAt(agent, 'args').map((word) =>
    String(word).replace(/\$\((\w+)\)/g, (_, name) => environment[name] ?? ''),
  );
  keepRunning(t, run(program, ...args));
  const [port] = listAt(agent, 'ports');
  const ask = (path: string) => lab.exec('curl', '-sf', `http://${ADDRESS}:${at(port, 'containerPort')}${path}`);
  const probes = ['readinessProbe', 'livenessProbe'].map((name) => textAt(agent, name, 'httpGet', 'path'));
  await until(async () => (await Promise.all(probes.map((path) => succeeds(ask(path))))).every(Boolean));
  for (const path of probes) await ask(path);
  await reader.open('a', DEVICE, 'tap');
  await reader.udp(await lab.raise(DEVICE, RING), 9, PACKETS, 64);
  const series = `tapscope_queue_dropped_packets_total{netns="${lab.inode}",device="${DEVICE}",queue="0",reason="FULL_RING"}`;
  let line: string | undefined;
  await until(async () => {
    line = (await ask('/metrics')).split('\n').find((one) => one.startsWith(series));
    return line === `${series} ${PACKETS - RING}`;
  });
  assert.equal(line, `${series} ${PACKETS - RING}`);
  t.diagnostic(line);
}

function podOf(chart: string): unknown {
  const said = execFileSync(pathOf(HELM.file) ?? '', [...WORDS, chart], { encoding: 'utf8', stdio: 'pipe' });
  const objects = parseAllDocuments(said).map((document): unknown => document.toJS());
  const pod = at(
    objects.find((one) => at(one, 'kind') === 'DaemonSet'),
    'spec',
    'template',
    'spec',
  );
  assert.equal(at(pod, 'hostNetwork'), true);
  assert.equal(at(pod, 'hostPID'), true);
  return pod;
}

function capabilitiesOf(container: unknown): readonly string[] {
  const { capabilities, ...more } = Object(at(container, 'securityContext'));
  assert.deepEqual(at(capabilities, 'drop'), ['ALL']);
  assert.equal(more.runAsUser, 0);
  assert.equal(more.privileged, false);
  assert.equal(more.allowPrivilegeEscalation, false);
  assert.equal(more.readOnlyRootFilesystem, true);
  return listAt(capabilities, 'add').map(String);
}

function environmentOf(container: unknown): Readonly<Record<string, string>> {
  const entries = listAt(container, 'env').map((one) => {
    assert.equal(at(one, 'valueFrom', 'fieldRef', 'fieldPath'), 'status.hostIP');
    return [textAt(one, 'name'), ADDRESS] as const;
  });
  return Object.fromEntries(entries);
}

function mountsOf(pod: unknown, container: unknown): readonly Mount[] {
  const sources = new Map(listAt(pod, 'volumes').map((one) => [textAt(one, 'name'), textAt(one, 'hostPath', 'path')]));
  return listAt(container, 'volumeMounts').map((one) => ({
    source: sources.get(textAt(one, 'name')) ?? assert.fail(JSON.stringify(one)),
    target: textAt(one, 'mountPath'),
    readOnly: at(one, 'readOnly') === true,
  }));
}
