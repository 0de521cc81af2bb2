// SPDX-License-Identifier: Apache-2.0
// Runs in the VM for record.ts: faults on three taps, recorded by the product as built. To stdout: the file, and what it says there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab } from '../../test/host/netns.ts';
import { program } from '../../test/host/scope.ts';

await program(async (_, t) => {
  execFileSync('modprobe', ['tun']);
  const lab = await namespaceLab(t);
  const stopped = await lab.testReader('qemu-system-x86_64', '-name', 'guest=web1');
  const reading = await lab.testReader('openvpn');
  await stopped.open('a', 'tap0', 'tap');
  await reading.open('a', 'tap1', 'tap');
  await reading.open('b', 'tap2', 'tap');
  const peers = [await lab.raise('tap0', 100), await lab.raise('tap1', 0), await lab.raise('tap2', 500)];
  await reading.readLoop('b', 0);
  stopped.signal('SIGSTOP');
  const sender = await lab.testReader();
  const file = join(mkdtempSync(join(tmpdir(), 'tapscope-')), 'recording');
  let isDone = false;
  const recorded = tapscope(['record', '--for', '12', '-o', file]).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    for (const peer of peers) await sender.udp(peer, 9, 100, 64);
    await wait(50);
  }
  const { code, stderr } = await recorded;
  if (code !== 0) throw new Error(stderr);
  const { stdout } = await tapscope(['report', file, '--json']);
  process.stdout.write(`recording ${readFileSync(file).toString('base64')}\n`);
  for (const { severity, rule, device = '', queue = '' } of JSON.parse(stdout).findings)
    process.stdout.write(`finding ${severity} ${rule} ${device} ${queue}\n`);
});
