// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, patience, curl, nftables.
// The commands of the runbooks are typed on a host with the fault, in the order of the page, by a plain shell.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noLab } from '../../test/host/netns.ts';
import { runbooks } from './runbook.ts';
import { type Case, typist } from './runbook-runner.ts';
import { SICK, sickHost } from './scenario.ts';
import { STOPPING_PAGES } from './stopping-pages.ts';

const cases: Readonly<Record<string, Case>> = {
  TapscopeRingFullLoss: {
    device: SICK.slow,
    shows: [/reason="FULL_RING"\} [1-9]/, /\bopenvpn\b/, /qlen (300|400)\b/],
  },
  TapscopeRingStalled: {
    device: SICK.stalled,
    shows: [/ring_occupancy_packets\S+ 200\n(.*\n)+.*ring_occupancy_packets\S+ 200/, /\bopenvpn\b/, /^$/],
  },
  TapscopeNoReader: {
    device: SICK.orphan,
    shows: [/NO-CARRIER(.*\n)+no process has tap103i0 open\n(.*\n)*.*state="attached"\} 0/, /tun type tap/, /^$/],
  },
  TapscopeLossBeforeTun: {
    device: SICK.shaped,
    shows: [/reason="QDISC_DROP",location="\w+"\} [1-9]/, /qdisc tbf .*\n.*dropped [1-9]/, /^(?!.*tbf)qdisc /s],
  },
  TapscopeUncountedLoss: {
    device: SICK.faulty,
    shows: [
      /cause="bad_header"\} [1-9](.*\n)+.*cause="bad_header"\} [1-9]/,
      /RX: +bytes(.*\n)+.*\bopenvpn\b/,
      /Netid(.*\n)+no XDP program/,
    ],
  },
  TapscopeFiguresDegraded: {
    device: SICK.bypassed,
    shows: [/queue_degraded\S+ 1/, /probe_missed_total(.*\n)+.*raw-tracepoint/, /TX: +bytes/],
  },
  TapscopeAgentBlind: {
    device: '',
    shows: [/probe_attached\{event="returned",mechanism="none"\} 0/, /An agent runs/],
  },
  TapscopeOverBudget: {
    device: '',
    shows: [/agent_look_seconds [12]\n/, /^\d+$/m],
  },
  TapscopeScrapeStale: {
    device: '',
    shows: [/LISTEN(.*\n)+.*tapscope_snapshot_age_seconds/, /An agent runs/],
  },
};

/** Their commands watch for a while, so the fault must last. */
const meanwhile: Readonly<Record<string, Case>> = {
  TapscopeFindingCritical: {
    device: SICK.stalled,
    rule: 'reader-stalled',
    shows: [
      /^CRITICAL.*tap102i0(.*\n)+exit code 2/,
      /^reader-stalled: /,
      /rule="reader-stalled",severity="critical",netns="\d+",device="tap102i0",queue="0"\} 1/,
    ],
  },
  TapscopeFindingWarning: {
    device: SICK.orphan,
    rule: 'no-reader',
    shows: [/^WARNING.*tap103i0(.*\n)+exit code 1/, /^no-reader: /],
  },
};
const MEANWHILE_S = 15;

test('runbooks', { skip: noLab, timeout: 900_000 }, async (t) => {
  const host = await sickHost(t);
  const type = await typist(t, host);
  await host.run(5);
  const names = runbooks().map(({ name }) => name);
  assert.deepEqual(
    names.sort(),
    [...Object.keys(cases), ...Object.keys(meanwhile), ...Object.keys(STOPPING_PAGES)].sort(),
  );
  for (const page of runbooks()) {
    const example = cases[page.name];
    if (example) await t.test(page.name, () => type(page, example));
    const lasting = meanwhile[page.name];
    if (lasting)
      await t.test(page.name, async () => void (await Promise.all([type(page, lasting), host.run(MEANWHILE_S)])));
  }
  await assert.rejects(host.lab.ip(`link show dev ${SICK.orphan}`), 'the device without a reader is deleted');
});
