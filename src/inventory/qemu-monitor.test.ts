// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Monitors as they are written on real command lines.
import assert from 'node:assert/strict';
import test from 'node:test';
import { monitorOf } from './qemu-monitor.ts';

const cases: readonly (readonly [words: string, monitor: ReturnType<typeof monitorOf>])[] = [
  ['-monitor unix:/run/vm1.mon,server=on,wait=off', { protocol: 'hmp', path: '/run/vm1.mon' }],
  ['-qmp unix:/run/vm1.qmp,server,nowait', { protocol: 'qmp', path: '/run/vm1.qmp' }],
  ['-qmp unix:/q,server=on -monitor unix:/m,server=on', { protocol: 'hmp', path: '/m' }],
  [
    '-chardev socket,id=qmp,path=/var/run/qemu-server/100.qmp,server=on,wait=off -mon chardev=qmp,mode=control',
    { protocol: 'qmp', path: '/var/run/qemu-server/100.qmp' },
  ],
  [
    '-chardev socket,id=charmonitor,fd=26,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control',
    undefined,
  ],
  ['-monitor stdio', undefined],
  ['-monitor telnet:127.0.0.1:4444,server,nowait', undefined],
  ['-monitor unix:vm1.mon,server', undefined], // of a folder that only QEMU knows
  ['-qmp unix:/run/client', undefined], // QEMU connects to it
  ['-monitor', undefined],
];

for (const [words, monitor] of cases) {
  test(words, () => assert.deepEqual(monitorOf(['qemu-system-x86_64', ...words.split(' ')]), monitor));
}
