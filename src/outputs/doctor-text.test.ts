// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { type DoctorReport, renderDoctor, renderDoctorShort } from './doctor-text.ts';

const report: DoctorReport = {
  schema: 1,
  verdict: 'fallbacks',
  kernel: '6.18.0',
  possibleCpus: 2,
  agent: null,
  agentSilence: null,
  features: [{ name: 'BTF', present: true, hint: 'needs CONFIG_DEBUG_INFO_BTF' }],
  rights: [
    { name: 'CAP_BPF', present: true, use: 'load BPF programs' },
    { name: 'CAP_SYSLOG', present: false, use: 'read the addresses of kernel functions' },
  ],
  pins: [],
  skbPaths: [],
  functions: [
    { name: 'tun_net_xmit', hooks: ['raw_tp/net_dev_start_xmit'], instead: [], why: 'its entry counts' },
    { name: 'tun_ring_consume', hooks: [], instead: ['consumed=arithmetic'], why: 'it is inlined' },
  ],
  events: [
    {
      event: 'transmit',
      measures: 'packets offered',
      mechanism: 'raw-tracepoint',
      state: 'fallback',
      tradeoff: 'costs more',
      refused: [{ mechanism: 'fentry', kind: 'refused', reason: 'Operation not permitted' }],
    },
  ],
};

test('the first line is the answer, then mechanism, tradeoff and reason, then what is missing', () => {
  assert.equal(
    renderDoctor(report),
    `FALLBACK: everything is measured, some of it not by the best mechanism.
Kernel 6.18.0, 2 CPUs. No agent runs.

transmit         raw-tracepoint  fallback  packets offered
                 costs more
                 not fentry: Operation not permitted

What is attached, by the functions of the kernel that people know:
tun_net_xmit         raw_tp/net_dev_start_xmit
                     its entry counts
tun_ring_consume     consumed=arithmetic
                     it is inlined

Missing:
  CAP_SYSLOG: needed to read the addresses of kernel functions; run as root, or grant it.
`,
  );
});

test('nothing missing is said too, and that what is forbidden all the same is forbidden elsewhere', () => {
  assert.match(renderDoctor({ ...report, rights: [], events: [] }), /\nNo right or kernel feature is missing\.\n$/);
  assert.match(
    renderDoctor({ ...report, rights: [] }),
    /\nNo right or kernel feature is missing\.\nThat programs are not permitted all the same is decided elsewhere /,
  );
});

test('ways of memory that this tun does not go are no zeros', () => {
  const skbPaths = [
    { name: 'NAPI cache', present: false, reason: 'tun of this kernel calls none of napi_build_skb' },
    { name: 'deferred free', present: true, reason: 'tun_do_read calls napi_consume_skb' },
    { name: 'other', present: null, reason: 'the machine code of tun could not be read' },
  ];
  assert.ok(
    renderDoctor({ ...report, skbPaths }).includes(`
NAPI cache: nothing to count, tun of this kernel calls none of napi_build_skb.
deferred free: used (tun_do_read calls napi_consume_skb), and not counted yet.
other: not known, the machine code of tun could not be read.

`),
  );
});

test('what keeps the module loaded is said', () => {
  assert.match(
    renderDoctor({ ...report, pins: ['transmit'] }),
    /\nWhile an agent runs, tun cannot be unloaded \(transmit\)/,
  );
});

test('a running agent says its level and its price', () => {
  const agent = { pid: 7, level: 'lean', overhead: { kernel: 0.0123, agent: 0.001 }, exposure: null } as const;
  assert.match(
    renderDoctor({ ...report, agent }),
    /An agent runs, pid 7, level lean \(its budget was passed: .*\), which costs of all CPUs: kernel 1\.23 %, agent 0\.10 %\.\n/,
  );
});

test('an agent that takes more than its budget says how often it looks', () => {
  const agent = { pid: 7, level: 'exact', lookSeconds: 2, overhead: {}, exposure: null } as const;
  assert.match(
    renderDoctor({ ...report, agent }),
    /An agent runs, pid 7, level exact\. It takes more than its budget, and looks at the host every 2 s\.\n/,
  );
  assert.doesNotMatch(renderDoctor({ ...report, agent: { ...agent, lookSeconds: 1 } }), /budget/);
});

test('an agent whose metrics are open to others is named', () => {
  const agent = { pid: 7, level: 'exact', overhead: {}, exposure: 'every client can read them.' } as const;
  assert.match(
    renderDoctor({ ...report, agent }),
    /An agent runs, pid 7.*\nThat is open: every client can read them\.\n\n/,
  );
  assert.doesNotMatch(renderDoctor({ ...report, agent: { ...agent, exposure: null } }), /That is open/);
});

test('who answers as the agent cannot forge what the terminal shows', () => {
  const evil = '\u001b[2J\nOK: everything';
  const agent = { pid: 7, level: 'exact', overhead: { [evil]: 0.1 }, exposure: evil } as const;
  const text = renderDoctor({ ...report, agent });
  assert.ok(!text.includes('\u001b') && !text.includes('\nOK: '), text);
  assert.equal(text.match(/\ufffd\[2J\ufffdOK: everything/g)?.length, 2);
});

test('in short: one sentence, what each fallback costs, and each reason once', () => {
  const [transmit] = report.events;
  assert.ok(transmit);
  const refused = [{ mechanism: 'fentry', kind: 'refused', reason: 'load program x of y.o: Operation not permitted' }];
  const events = [
    { ...transmit, refused },
    { ...transmit, event: 'freed', refused },
    { ...transmit, event: 'devices', state: 'best', tradeoff: null, refused: [] },
    { ...transmit, event: 'vhost', state: 'blind', tradeoff: null, mechanism: null, measures: 'batches', refused },
  ] as const;
  assert.equal(
    renderDoctorShort({ ...report, rights: [], events }),
    `FALLBACK: all 4 events are measured, 2 of them not by the best mechanism:
Kernel 6.18.0, 2 CPUs. No agent runs.

  transmit, freed: costs more
  vhost: not measured: batches
  Why (transmit, freed, vhost): the kernel refuses the program: Operation not permitted

No right or kernel feature is missing.
That programs are not permitted all the same is decided elsewhere (lockdown, a security module, seccomp, a sandbox): no right of tapscope changes it.
'tapscope doctor --verbose' has each event and what the kernel said.
`,
  );
  assert.match(
    renderDoctorShort({ ...report, verdict: 'blind', events }),
    /^BLIND: 1 of 4 events are not measured at all\.\n/,
  );
  assert.match(renderDoctorShort({ ...report, verdict: 'best', events: [] }), /^OK: all 0 events /);
});
