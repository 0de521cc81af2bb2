// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type DoctorReport, measuredWords, renderDoctor, renderDoctorShort } from './doctor-text.ts';

const REFUSED = 'load program x of y.o: Operation not permitted';
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
      inexact: false,
      refused: [{ mechanism: 'fentry', kind: 'refused', reason: REFUSED }],
    },
  ],
};

test('the first line is the answer, then mechanism, tradeoff and reason, then what is missing', () => {
  assert.equal(
    renderDoctor(report),
    `All figures are exact; this kernel refuses tracing, so 1 thing costs more or is missing.
Kernel 6.18.0, 2 CPUs. No agent runs.

transmit         raw-tracepoint  fallback  packets offered
                 costs more
                 not fentry: ${REFUSED}

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
    /\nNo right or kernel feature is missing\.\nThe kernel refuses some programs all the same: /,
  );
});

test('ways of memory that this tun does not go are no zeros', () => {
  const skbPaths = [
    { name: 'NAPI cache', present: false, reason: 'tun of this kernel calls none of napi_build_skb' },
    {
      name: 'deferred free',
      present: true,
      reason: 'tun_do_read calls napi_consume_skb',
      countedBy: 'allocation=fentry',
    },
    { name: 'bulk', present: true, reason: 'tun_sendmsg calls napi_skb_cache_get_bulk' },
    { name: 'other', present: null, reason: 'the machine code of tun could not be read' },
  ];
  assert.ok(
    renderDoctor({ ...report, skbPaths }).includes(`
NAPI cache: nothing to count, tun of this kernel calls none of napi_build_skb.
deferred free: used (tun_do_read calls napi_consume_skb), and counted with --mechanism allocation=fentry.
bulk: used (tun_sendmsg calls napi_skb_cache_get_bulk), and not counted yet.
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
  assert.doesNotMatch(renderDoctor({ ...report, agent: { ...agent, exposure: null, openings: [] } }), /That is open/);
  const openings = ['UDP to any address.', 'every file.'];
  for (const render of [renderDoctor, renderDoctorShort])
    assert.match(
      render({ ...report, agent: { ...agent, openings } }),
      /^That is open: every client can read them\.\nThat is open: UDP to any address\.\nThat is open: every file\.$/m,
    );
});

test('who answers as the agent cannot forge what the terminal shows', () => {
  const evil = '\u001b[2J\nOK: everything';
  const agent = { pid: 7, level: 'exact', overhead: { [evil]: 0.1 }, exposure: evil } as const;
  const text = renderDoctor({ ...report, agent });
  assert.ok(!text.includes('\u001b') && !text.includes('\nOK: '), text);
  assert.equal(text.match(/\ufffd\[2J\ufffdOK: everything/g)?.length, 2);
});

test('in short: one sentence; what each fallback costs is for --verbose', () => {
  const [transmit] = report.events;
  assert.ok(transmit);
  const events = [transmit, { ...transmit, event: 'freed' }, { ...transmit, event: 'devices', state: 'best' }] as const;
  assert.equal(
    renderDoctorShort({ ...report, rights: [], events }),
    `All figures are exact; this kernel refuses tracing, so 2 things cost more or are missing.
Kernel 6.18.0, 2 CPUs. No agent runs.

No right or kernel feature is missing.
The kernel refuses some programs all the same: lockdown, a security module, seccomp or a sandbox forbids it, and no right of tapscope changes that.
'tapscope doctor --verbose' has each event, what its mechanism does worse, and what the kernel said.
`,
  );
});

test('in short: what is not measured at all is named, each reason once', () => {
  const [transmit] = report.events;
  assert.ok(transmit);
  const blind = { ...transmit, state: 'blind', tradeoff: null, mechanism: null } as const;
  const events = [transmit, { ...blind, event: 'vhost', measures: 'batches' }, { ...blind, event: 'freed' }];
  assert.equal(
    renderDoctorShort({ ...report, verdict: 'blind', events }),
    `BLIND: 2 of 3 events are not measured at all.
Kernel 6.18.0, 2 CPUs. No agent runs.

  not watched: packets that vhost-net holds (vhost): batches
  not watched: drops (freed): packets offered
  Why (vhost, freed): the kernel refuses the program: Operation not permitted

Missing:
  CAP_SYSLOG: needed to read the addresses of kernel functions; run as root, or grant it.
'tapscope doctor --verbose' has each event, what its mechanism does worse, and what the kernel said.
`,
  );
});

test('in short: what only needs another event is not measured for the reason of that event', () => {
  const [transmit] = report.events;
  assert.ok(transmit);
  const refusedFor = (mechanism: string, reason: string) => [{ mechanism, kind: 'refused', reason }];
  const blind = { ...transmit, state: 'blind', tradeoff: null, mechanism: null } as const;
  const events = [
    { ...transmit, event: 'devices', refused: refusedFor('walk', 'load tapscope.bpf.o: Function not implemented') },
    { ...blind, event: 'freed', refused: refusedFor('tp_btf', 'needs devices=walk') },
    { ...blind, event: 'before', refused: refusedFor('raw-tracepoint', 'needs freed to be measured') },
  ];
  assert.match(
    renderDoctorShort({ ...report, verdict: 'blind', events }),
    /^ {2}Why \(freed, before\): load tapscope\.bpf\.o: Function not implemented$/m,
  );
});

test('the sentence says exact only of exact figures, and why not all is by the best mechanism', () => {
  const [transmit] = report.events;
  assert.ok(transmit);
  const best = { ...transmit, state: 'best', tradeoff: null, refused: [] } as const;
  assert.equal(
    measuredWords([best]),
    'OK: all figures are exact, and measured by the best mechanism that this kernel has.',
  );
  assert.equal(
    measuredWords([best, { ...best, event: 'vhost', inexact: true }]),
    'Not all figures are exact (packets that vhost-net holds); this kernel has no better mechanism.',
  );
  const because = (kind: string, reason: string): string =>
    measuredWords([best, { ...transmit, inexact: true, refused: [{ mechanism: 'fentry', kind, reason }] }]);
  const rest = 'so 1 thing costs more or is missing.';
  assert.equal(
    because('refused', REFUSED),
    `Not all figures are exact (packets offered to queues); this kernel refuses tracing, ${rest}`,
  );
  assert.equal(
    because('refused', 'the types (BTF) of tun_net_xmit cannot be read'),
    `Not all figures are exact (packets offered to queues); a right or a feature of the kernel is missing, ${rest}`,
  );
  assert.equal(
    because('forced', '--no-pin: it would keep tun from being unloaded'),
    `Not all figures are exact (packets offered to queues); a flag chose other mechanisms, ${rest}`,
  );
});
