// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The example of docs/commands.md is a measurement: bursts to the reader of a VM, on a real tap. UPDATE=1 writes it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { standingAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { askSnapshot } from './ask-agent.ts';

const PAGE = 'docs/commands.md';
const COMMAND = 'whatif vnet0 --size 750';
const EXAMPLE = /(?<=```\n# tapscope whatif vnet0 --size 750\n).*?(?=```)/s;
/** Each finds the ring empty, and fills it; the reader takes more than a second for what the ring then holds. */
const BURSTS = { packets: 1200, times: 3 };
const READ_PER_SECOND = 350;

/** Without the figures, the delay of a run in which no second tells it, and the notes below. */
function formOf(answer: string): ReadonlySet<string> {
  const [said = ''] = answer.split('\n\n- ');
  const lines = said.replace(/≤ [\d.]+ m?s|–/g, 'DELAY').split('\n');
  return new Set(
    lines.map((line) =>
      line
        .replace(/\d[\d ]*(?:\.\d+)?/g, 'N ')
        .replace(/\s+/g, ' ')
        .trim(),
    ),
  );
}

/** Packets in the rings of all devices of this name. */
async function waiting(socket: string): Promise<number> {
  await wait(1000); // a sample sees the burst
  const { devices } = await askSnapshot(socket);
  const queues = devices.flatMap(({ name, queues: its }) => (name === 'vnet0' ? its : []));
  return queues.reduce((sum, { ring }) => sum + (ring?.occupancy ?? 0), 0);
}

test('the example of whatif in docs/commands.md has the form of what is said today', { skip: noLab }, async (t) => {
  const { socket } = await standingAgent();
  const lab = await namespaceLab(t);
  const vm = await lab.testReaderNamed('/usr/bin/qemu-system-x86_64', '-name', 'guest=web1');
  await vm.open('a', 'vnet0', 'tap');
  const peer = await lab.raise('vnet0', 500);
  await vm.readLoop('a', READ_PER_SECOND);
  const sender = await lab.testReader();
  for (let burst = 0; burst < BURSTS.times; burst += 1) {
    await sender.udp(peer, 9, BURSTS.packets, 64);
    await until(async () => (await waiting(socket)) === 0, 60_000);
  }
  await sender.udp(peer, 9, 1, 64); // the last overflow ends with the next packet
  await wait(2000);
  const { code, stdout, stderr } = await tapscope([...COMMAND.split(' '), '--netns', lab.name, '--socket', socket]);
  assert.deepEqual([code, stderr], [0, '']);
  const answer = stdout.replace(/^ip netns exec \S+ /m, '');
  const page = readFileSync(PAGE, 'utf8');
  if (process.env.UPDATE === '1')
    writeFileSync(
      PAGE,
      page.replace(EXAMPLE, () => answer),
    );
  const [example = assert.fail(`${PAGE} has no example of ${COMMAND}`)] =
    EXAMPLE.exec(readFileSync(PAGE, 'utf8')) ?? [];
  assert.deepEqual(formOf(example), formOf(answer), answer);
});
