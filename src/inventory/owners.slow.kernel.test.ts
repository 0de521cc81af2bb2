// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Owners of queues: processes that look like a VM, a container's or a VPN, and really hold a tap.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type AgentLab, agentLab, ownerSoon, standingLab } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import type { Identity } from '../snapshot/owner.ts';

const UUID = '4dea22b3-1d52-d8f3-2516-782e98ab3fa0';
const ID = '8f1f7c1fb0dd5f8e2c8e5bda7a1f4fd8d7a8c0a9d5f61b1b26c0a0c9b5a3e7d4';
const QEMU = ['/usr/bin/qemu-system-x86_64', '-name', 'guest=web1,debug-threads=on', '-uuid', UUID];

/** The owner's identity at the device's first queue, once it satisfies; else the last one. */
async function identityOf(
  agent: AgentLab,
  lab: NamespaceLab,
  satisfies: (identity: Identity) => boolean = () => true,
): Promise<Identity | undefined> {
  let identity: Identity | undefined;
  for (let attempt = 0; attempt < 300; attempt++) {
    identity = (await agent.device(lab.inode, 'tap0')).queues[0]?.owner?.identity;
    if (identity && satisfies(identity)) break;
    await wait(100);
  }
  return identity;
}

for (const mechanism of ['iterator', 'procfs']) {
  test(`a VM, by ${mechanism}`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await agentLab(t, `owners=${mechanism}`);
    await (await lab.testReader(...QEMU)).open('a', 'tap0', 'tap');
    const { program, vm, uuid } = (await identityOf(agent, lab)) ?? {};
    assert.deepEqual({ program, vm, uuid }, { program: 'qemu', vm: 'web1', uuid: UUID });
  });
}

for (const mechanism of ['procfs', 'iterator'])
  test(`a device that changes hands, by ${mechanism}`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await (mechanism === 'procfs' ? agentLab(t, 'owners=procfs') : standingLab());
    const vm = await lab.testReader(...QEMU);
    await vm.open('a', 'tap0', 'tap', 'persist');
    assert.equal((await identityOf(agent, lab))?.vm, 'web1');
    await vm.readLoop('a', 0);
    const reader = async (): Promise<number | undefined> =>
      (await agent.device(lab.inode, 'tap0')).queues[0]?.reader?.thread;
    await until(async () => (await reader()) === vm.pid, 5000);
    await vm.quit();
    assert.equal((await agent.device(lab.inode, 'tap0')).queues[0]?.owner, undefined);
    const vpn = await lab.testReader('/usr/sbin/openvpn', '--config', 'a.conf');
    await vpn.open('a', 'tap0', 'tap');
    assert.equal(await reader(), undefined, 'no reader was seen since');
    const first = (await agent.device(lab.inode, 'tap0')).queues[0]?.owner;
    assert.ok(
      first === undefined || first.pid === vpn.pid,
      `${first?.pid} is named, ${vpn.pid} has it, ${vm.pid} had it`,
    );
    const found = await identityOf(agent, lab, ({ program }) => program === 'openvpn');
    assert.deepEqual([found?.program, found?.vm], ['openvpn', '']);
  });

test('a queue beside another one that changes hands, mostly at both addresses of the one before', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLab(t);
  const [first, ...others] = [await lab.testReader(), await lab.testReader(), await lab.testReader()];
  await first.open('a', 'tap0', 'tap', 'mq');
  for (let turn = 0; turn < 20; turn++) {
    const holder = others[turn % 2] ?? first;
    await holder.open('b', 'tap0', 'tap', 'mq');
    const { pid = holder.pid } = (await agent.device(lab.inode, 'tap0')).queues[1]?.owner ?? {};
    assert.equal(pid, holder.pid, 'at once the owner is named or unknown');
    assert.equal((await agent.device(lab.inode, 'tap0')).queues[1]?.owner?.pid, holder.pid, 'then it is named');
    await holder.close('b');
  }
});

test('the next device, mostly at the address of the one before', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  for (let turn = 0; turn < 5; turn++) {
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    // No sample has been since the one before was there.
    const first = (await agent.device(lab.inode, 'tap0')).queues[0]?.owner;
    assert.ok(first === undefined || first.pid === testReader.pid, `${first?.pid} is named, ${testReader.pid} has it`);
    assert.equal((await ownerSoon(agent, lab.inode, 'tap0'))?.pid, testReader.pid);
    await testReader.quit();
  }
});

test('a process that is moved to a container’s cgroup', { skip: noLab || noCgroups() }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  assert.equal((await identityOf(agent, lab))?.container, '');
  moveToCgroup(t, testReader.pid, `docker-${ID}.scope`);
  const found = await identityOf(agent, lab, ({ container }) => container !== '');
  assert.deepEqual([found?.runtime, found?.container], ['docker', ID]);
});

function cgroupRoot(): string | undefined {
  return /^\S+ (\S+) cgroup2 \S*\brw\b/m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
}

function noCgroups(): string | false {
  return cgroupRoot() ? false : 'needs cgroup2, mounted for writing';
}

/** Back to the root before the cgroup is removed, whether or not the process still lives. */
function moveToCgroup(t: TestContext, pid: number, name: string): void {
  const root = cgroupRoot() ?? '';
  const folder = join(root, name);
  mkdirSync(folder);
  t.after(() => {
    if (existsSync(`/proc/${pid}`)) writeFileSync(join(root, 'cgroup.procs'), String(pid));
    rmdirSync(folder);
  });
  writeFileSync(join(folder, 'cgroup.procs'), String(pid));
}
