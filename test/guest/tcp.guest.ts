// SPDX-License-Identifier: Apache-2.0
// Needs: VMs, iperf3.
// Healthy TCP on this kernel, by the best mechanisms and by raw tracepoints: no packet is missing in what is shown.
import test from 'node:test';
import { agentLab, standingLab } from '../agent/agent-lab.ts';
import { assertExactTcp } from '../host/tcp-exact.ts';
import { isWhole } from '../whole.ts';

/** The packets of each mechanism's test. TCP_PACKETS in the environment shortens or lengthens the test. */
const PACKETS = Number(process.env.TCP_PACKETS ?? (isWhole ? 1_000_000 : 30_000));
const GSO_SHARE = 0.1;
const RAW = ['transmit=raw-tracepoint', 'freed=raw-tracepoint', 'consumed=arithmetic'];

test('TCP counted by raw tracepoints', async (t) => {
  const agent = await agentLab(t, ...RAW);
  await assertExactTcp(t, agent, true, PACKETS * GSO_SHARE);
  await assertExactTcp(t, agent, false, PACKETS * (1 - GSO_SHARE));
});

test('TCP counted by the best mechanisms', async (t) => {
  const agent = await standingLab();
  await assertExactTcp(t, agent, true, PACKETS * GSO_SHARE);
  await assertExactTcp(t, agent, false, PACKETS * (1 - GSO_SHARE));
});
