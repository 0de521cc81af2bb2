// SPDX-License-Identifier: Apache-2.0
// Needs: VMs, bpftool.
// What real kernels differ by is what is known of them: the functions and the field by which tun of Linux 7.3 stops its queue.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noVm } from '../vm/boot.ts';
import { kernelOrWhy } from '../vm/kernels.ts';
import { differences } from './differences.ts';
import { readKernel } from './kernel-files.ts';
import { readNeeds } from './needs.ts';

test('Linux 7.2 and 7.3: the queue that stops, and an argument of vhost-net', { skip: noVm }, async (t) => {
  for (const series of ['7.2', '7.3']) {
    const kernel = await kernelOrWhy(series, (line) => t.diagnostic(line));
    if (typeof kernel === 'string') return t.skip(kernel);
  }
  const [old, young] = [await readKernel('7.2', t), await readKernel('7.3', t)];
  const needs = readNeeds(young.file);
  assert.ok(needs.functions.length > 20 && needs.fields.length > 200, JSON.stringify(needs).slice(0, 500));
  assert.deepEqual(differences(needs, young.types, young.types), []);
  const found = differences(needs, old.types, young.types).filter(({ what }) => what !== 'drop reason');
  assert.deepEqual(
    found.map(({ name, before }) => [name, before]),
    [
      ['__tun_wake_queue', undefined],
      ['tun_force_wake_queue', undefined],
      ['tun_wake_queue', undefined],
      ['vhost_net_buf_peek', '(struct vhost_net_virtqueue *) → int'],
      ['struct tun_file.cons_cnt', undefined],
    ],
  );
  // What neither has would be sought in the wrong modules. This one is of Linux 5.10.
  const absent = needs.fields.filter(([struct]) => !old.types.has(struct) && !young.types.has(struct));
  assert.deepEqual([...new Set(absent.map(([struct]) => struct))], ['struct tun_pcpu_stats']);
});

test('what is no kernel is refused in one sentence', async (t) => {
  await assert.rejects(
    readKernel('9.9', t),
    /^Error: 9\.9 is neither a series of the lab \(.*7\.3.*\) nor a file of a kernel\.$/,
  );
  await assert.rejects(readKernel('package.json', t), {
    message: 'package.json has no types that bpftool can read: name a vmlinux, or a file as /sys/kernel/btf/vmlinux.',
  });
});
