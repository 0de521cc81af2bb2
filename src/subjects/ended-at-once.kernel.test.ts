// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Two devices in two namespaces that end at once, on two CPUs, a hundred thousand times: what is noted of each is its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { inside, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { variableOf } from '../kernel/globals.ts';
import { possibleCpus } from '../kernel/host.ts';
import type { MapView } from '../kernel/map-view.ts';
import { BpfObject } from '../kernel/native.ts';
import { packageRoot } from '../kernel/package.ts';

const OBJECT = join(packageRoot(), 'dist/test/at-once.bpf.o');
const TIMES = 100_000;

interface Side {
  readonly lab: NamespaceLab;
  /** Packets in its ring. */
  readonly waiting: number;
  readonly dropped: number;
}

/** A device that nobody reads, with a full ring and packets that found no room there. */
async function quietDevice(t: TestContext, kind: 'tap' | 'tun', waiting: number, dropped: number): Promise<Side> {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  await reader.open('q', `${kind}0`, kind);
  const to = await lab.raise(`${kind}0`, waiting);
  await reader.running(`${kind}0`);
  const { sent } = await reader.udp(to, 9, waiting + dropped, 100);
  assert.equal(sent, waiting + dropped);
  assert.equal((await lab.link(`${kind}0`)).txDropped, dropped);
  return { lab, waiting, dropped };
}

/** System calls without an end, each of which notes and judges the device of the namespace. */
function keepBusy(t: TestContext, { lab }: Side, cpu: number): void {
  const words = [...inside(lab.name), 'taskset', '-c', `${cpu}`, 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1'];
  const child = spawn('nsenter', words, { stdio: 'ignore' });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

function load(t: TestContext, sides: readonly Side[]): BpfObject {
  const object = new BpfObject(OBJECT);
  t.after(() => object.close());
  const words = (values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const cpus = possibleCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
  object.setVariable('possible_cpus', words([cpus]));
  object.setVariable('namespaces', words(sides.map(({ lab }) => lab.inode)));
  object.setVariable('waiting', words(sides.map(({ waiting }) => waiting)));
  object.setVariable('dropped', new Uint8Array(BigUint64Array.from(sides.map((one) => BigInt(one.dropped))).buffer));
  for (const { name } of object.programs) object.setAutoload(name, name === 'end_again');
  object.load();
  object.attach('end_again');
  return object;
}

test('what is noted of two devices at once is not mixed, and each kind has its cell', { skip: noLab }, async (t) => {
  const sides = [await quietDevice(t, 'tap', 3, 5), await quietDevice(t, 'tun', 200, 70)];
  const object = load(t, sides);
  const btf = object.btf();
  const view: MapView = object.mapView('.bss');
  const pair = (name: string) => [0, 8].map((behind) => view.u64(variableOf(btf, name).offset + behind));
  sides.forEach((side, index) => {
    keepBusy(t, side, index);
  });
  await until(() => Math.min(...pair('exact')) + Math.max(...pair('mixed')) >= TIMES);
  t.diagnostic(`${pair('exact').join(' and ')} ends`);
  assert.deepEqual(pair('mixed'), [0, 0]);
  assert.equal(view.u64(variableOf(btf, 'alike').offset), 0, 'both cells had the same device');
  assert.ok(Math.min(...pair('exact')) >= TIMES, `${pair('exact')}`);
});
