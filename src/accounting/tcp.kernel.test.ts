// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, iperf3.
// Healthy TCP, both ways, several streams: none of a million packets (ten million with WHOLE=1) is missing in what is shown.
import test from 'node:test';
import { standingLab } from '../../test/agent/agent-lab.ts';
import { noLab } from '../../test/host/netns.ts';
import { assertExactTcp } from '../../test/host/tcp-exact.ts';
import { isWhole } from '../../test/whole.ts';

/** TCP_PACKETS in the environment shortens or lengthens the test. */
const PACKETS = Number(process.env.TCP_PACKETS ?? (isWhole ? 10_000_000 : 1_000_000));
/** The share of the packets that the test with GSO sends: a packet has up to 64 KiB there. */
const GSO_SHARE = 0.1;

test('TCP with GSO', { skip: noLab }, async (t) => {
  await assertExactTcp(t, await standingLab(), true, PACKETS * GSO_SHARE);
});

test('TCP without GSO', { skip: noLab }, async (t) => {
  await assertExactTcp(t, await standingLab(), false, PACKETS * (1 - GSO_SHARE));
});
