// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The tenant of a guest from each of the sources, and the effects of a bad map.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { novaProject, podNames, projectIn } from '../kernel/tenant-sources.ts';
import type { Identity } from '../snapshot/owner.ts';
import { parseTenantMap, tenantIn } from './tenant-map.ts';
import { Tenants } from './tenants.ts';

const POD = 'f2c6a1de-0b0a-4a6e-9a35-4a1c56f5c0de';
const identity: Identity = { program: 'qemu', vm: 'web1', uuid: '', runtime: '', container: '', pod: '', unit: '' };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tapscope-tenants-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a map names VMs, pods and units; the most exact name counts', () => {
  const map = parseTenantMap('map', `# ours\nvm web1 acme\n\npod ${POD} blue # theirs\nunit openvpn@a.service vpn\n`);
  assert.equal(tenantIn(map, { ...identity, pod: POD }), 'acme');
  assert.equal(tenantIn(map, { ...identity, vm: 'other', pod: POD }), 'blue');
  assert.equal(tenantIn(map, { ...identity, vm: '', unit: 'openvpn@a.service' }), 'vpn');
  assert.equal(tenantIn(map, { ...identity, vm: 'none' }), '');
});

test('100 000 lines, and a bad one', () => {
  const lines = Array.from({ length: 100_000 }, (_, number) => `vm vm${number} tenant${number % 100}`);
  assert.equal(tenantIn(parseTenantMap('map', lines.join('\n')), { ...identity, vm: 'vm99999' }), 'tenant99');
  for (const bad of ['vm web1', 'host web1 acme', 'vm web1 acme inc', `vm web1 ${'a'.repeat(129)}`])
    assert.throws(
      () => parseTenantMap('map', `vm a b\n${bad}`),
      /^Error: --tenant-map=map, line 2: expected one of vm, uuid/,
    );
});

test('a map that is not there is one sentence at start; one that becomes bad leaves the last good one', async (t) => {
  const file = join(folder(t), 'map');
  assert.throws(
    () => new Tenants(file),
    /^Error: --tenant-map=.*map cannot be read \(ENOENT: no such file or directory\)\.$/,
  );
  writeFileSync(file, 'vm web1 acme');
  const said: string[] = [];
  const tenants = new Tenants(file, ({ message }) => said.push(message));
  writeFileSync(file, 'vm web1');
  await tenants.refresh();
  assert.deepEqual([await tenants.of(identity), said.length], ['acme', 1]);
  assert.match(said.join(), /line 1: expected/);
});

test('KubeVirt’s guests belong to the namespace in their name; others with an underscore do not', async () => {
  const tenants = new Tenants();
  assert.equal(await tenants.of({ ...identity, vm: 'shop_web1', pod: POD }), 'shop');
  assert.equal(await tenants.of({ ...identity, vm: 'shop_web1' }), '');
  assert.equal(await tenants.of({ ...identity, vm: 'a_b_c', pod: POD }), '');
});

test('the kubelet’s folders name the namespace of a pod; libvirt’s state nova’s project', async (t) => {
  const path = folder(t);
  for (const name of [`shop_web-0_${POD}`, 'lost+found', '_web-0_']) mkdirSync(join(path, name));
  assert.deepEqual([...(await podNames(path)).values()], [{ uid: POD, namespace: 'shop', name: 'web-0' }]);
  assert.deepEqual([...(await podNames(join(path, 'none')))], []);
  const tenants = new Tenants(undefined, undefined, path);
  await tenants.refresh();
  const inPod = { ...identity, vm: '', pod: POD };
  assert.deepEqual([tenants.podName(inPod), await tenants.of(inPod)], ['shop/web-0', 'shop']);
  assert.equal(tenants.podName(identity), undefined);
  const metadata =
    '<nova:owner><nova:user uuid="1">me</nova:user><nova:project uuid="2">red team</nova:project></nova:owner>';
  writeFileSync(
    join(path, 'instance-00000001.xml'),
    `<domstatus><domain><metadata>${metadata}</metadata></domain></domstatus>`,
  );
  assert.equal(await novaProject('instance-00000001', path), 'red team');
  assert.equal(await novaProject('instance-00000002', path), '');
  assert.equal(await novaProject('../secret', path), '');
});

test('a description of tags that never end is read in time that grows as it does', () => {
  const cpuMs = (tags: number): number => {
    const before = process.cpuUsage();
    assert.equal(projectIn('<nova:project '.repeat(tags)), '');
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  cpuMs(1000);
  // Each tag's look to the end of the text would take 256 times as long.
  assert.ok(cpuMs(64_000) < 40 * Math.max(1, cpuMs(4000)), 'not linear');
});
