// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone, bpftool.
// The agent as built: what Prometheus gets, what it costs to start and to scrape, and what it leaves behind.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const run = promisify(execFile);

test('a scrape shows what a queue was offered, what it dropped and why, what it delivered', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t, ['--budget=off']);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  await testReader.udp(peer, 9, 150, 64);
  await testReader.read('a', 30);

  const metrics = await agent.metrics();
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), 150);
  assert.equal(metrics.value('tapscope_queue_offered_bytes_total', queue), 150 * 106);
  assert.equal(metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }), 50);
  assert.equal(metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'TAP_FILTER' }), 0);
  assert.equal(metrics.value('tapscope_queue_delivered_packets_total', queue), 30);
  assert.equal(metrics.value('tapscope_ring_occupancy_packets', queue), 70);
  assert.equal(metrics.value('tapscope_ring_capacity_packets', queue), 100);
  assert.equal(metrics.value('tapscope_queue_audit_imbalance_packets', queue), 0);
  assert.equal(metrics.value('tapscope_queue_degraded', queue), 0);
  assert.equal(metrics.value('tapscope_device_transmit_packets_total', { netns: queue.netns, device: 'tap0' }), 30);
  const info = { netns: queue.netns, device: 'tap0', kind: 'tap', flow_control: 'tail-drop', queue_length: '100' };
  assert.equal(metrics.value('tapscope_device_info', info), 1);

  await testReader.close('a');
  assert.deepEqual(
    (await agent.metrics()).names({ netns: queue.netns, device: 'tap0' }),
    new Set(),
    'series go when the device goes',
  );
});

test('whose a queue is, and how its reader spent the time in which it was full', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t, ['--budget=off']);
  const testReader = await lab.testReader('qemu-system-x86_64', '-name', 'guest=web1');
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  const labels = { netns: String(lab.inode), device: 'tap0' };
  await wait(2500);
  const states = async (): Promise<Readonly<Record<string, number>>> =>
    (await agent.metrics()).by('state', 'tapscope_reader_full_seconds_total', labels);
  assert.deepEqual(await states(), {});
  assert.equal((await agent.metrics()).value('tapscope_device_owner_info', { ...labels, vm: 'web1' }), 1);

  testReader.signal('SIGSTOP');
  const sender = await lab.testReader();
  await sender.udp(peer, 9, 101, 64);
  await wait(3000);
  const { stopped = 0, ...others } = await states();
  assert.ok(stopped > 1.5 && stopped < 10, `${stopped} s`);
  // The scheduler's own count reaches back to the sample before the ring was full: a reader that woke then, to be stopped,
  // ran and waited for some milliseconds.
  const elsewhere = Object.values(others).reduce((sum, seconds) => sum + seconds, 0);
  assert.ok(elsewhere < stopped / 10, `${elsewhere} s of ${stopped} s not stopped`);
});

test('--device-include, --device-exclude and --detail', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t, ['--device-include=tap.*', '--device-exclude=tap1', '--detail=cpu']);
  const testReader = await lab.testReader();
  for (const device of ['tap0', 'tap1', 'other']) await testReader.open(device, device, 'tap');
  await testReader.udp(await lab.raise('tap0'), 9, 5, 64);
  const metrics = await agent.metrics();
  const shown = ['tap0', 'tap1', 'other'].filter((device) => metrics.names({ device }).size > 0);
  assert.deepEqual(shown, ['tap0']);
  assert.ok(metrics.names({ device: 'tap0' }).has('tapscope_queue_cpu_offered_packets_total'));
});

test('a second agent, a port in use and unknown flags are one clear sentence', { skip: noLab }, async (t) => {
  const agent = await startAgent(t);
  const second = await tapscope(['serve', '--web.listen-address=127.0.0.1:0']);
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    new RegExp(`^tapscope: Another tapscope agent runs on this host \\(pid ${agent.pid}\\), .*\\n$`),
  );
  const port = new URL(agent.url).port;
  await agent.stop();
  const blocker = createServer().listen(Number(port), '127.0.0.1');
  t.after(async () => blocker.close());
  const blocked = await tapscope(['serve', `--web.listen-address=127.0.0.1:${port}`]);
  assert.equal(blocked.code, 1);
  assert.match(blocked.stderr, /^tapscope: cannot listen on .*another program listens there.*\n$/);
  for (const [args, code, words] of [
    [['serve', '--no-such-flag'], 1, /unknown option/],
    [['serve', '--mechanism', 'offered=magic'], 1, /no event 'offered'/],
    [['doctor', '--mechanism', 'transmit=magic'], 3, /no mechanism 'magic'/],
    [['doctor', '--no-such-flag'], 3, /unknown option/],
    [['serve', '--device-include=('], 1, /not a regular expression/],
    [['nonsense'], 1, /unknown command/],
  ] as const) {
    const result = await tapscope(args);
    assert.equal(result.code, code, args.join(' '));
    assert.match(result.stderr, words);
    assert.doesNotMatch(result.stderr, /\n\s+at /);
  }
});

test('doctor tells programs the same: verdict, mechanisms, reasons', { skip: noLab }, async () => {
  const { code, stdout } = await tapscope(['doctor', '--json', '--mechanism', 'owners=procfs']);
  const report = JSON.parse(stdout);
  assert.equal(report.schema, 1);
  assert.equal(report.verdict, 'fallbacks');
  assert.equal(code, 1);
  const owners = report.events.find((one: { event: string }) => one.event === 'owners');
  assert.deepEqual([owners.mechanism, owners.state], ['procfs', 'fallback']);
  const blind = await tapscope(['doctor', '--json', '--mechanism', 'transmit=off']);
  assert.deepEqual([blind.code, JSON.parse(blind.stdout).verdict], [3, 'blind']);
});

test('doctor says that a container sees no processes of the host', { skip: noLab }, async () => {
  const wrapper = ['unshare', '--pid', '--fork', '--mount-proc'];
  assert.match((await tapscope(['doctor'], { wrapper })).stdout, /^ +processes of the host: run in its PID namespace/m);
  assert.doesNotMatch((await tapscope(['doctor'])).stdout, /processes of the host/);
});

test('kill -9 leaves nothing behind, and no namespace is kept alive', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  await agent.metrics();
  // A descriptor may be closed again before it is read.
  const info = await run('sh', ['-c', `cat /proc/${agent.pid}/fdinfo/* 2>/dev/null || true`]);
  const programs = [...info.stdout.matchAll(/^prog_id:\s*(\d+)/gm)].map(([, id]) => id);
  assert.ok(programs.length > 0);
  const links = async (): Promise<string> =>
    (await run('sh', ['-c', `ls -l /proc/${agent.pid}/fd 2>/dev/null || true`])).stdout;
  const namespaces = async (): Promise<readonly string[]> => {
    const said = await links();
    assert.match(said, /->/);
    return said.match(/net:\[\d+\]/g) ?? [];
  };
  // It may just be asking in one, on a full host always in another one; one that it keeps is there at every sample.
  let held = await namespaces();
  for (let looks = 0; looks < 20 && held.length > 0; looks++) {
    const seen = await wait(50).then(namespaces);
    held = held.filter((one) => seen.includes(one));
  }
  assert.deepEqual(held, []);
  await agent.stop('SIGKILL');
  // The kernel frees programs a moment after their last user is gone.
  const loaded = async (): Promise<readonly string[]> => {
    const { stdout } = await run('bpftool', ['-j', 'prog', 'show'], { env: { PATH: `${process.env.PATH}:/usr/sbin` } });
    return [...stdout.matchAll(/"id":(\d+)/g)].flatMap(([, id]) => (id && programs.includes(id) ? [id] : []));
  };
  for (let i = 0; i < 50 && (await loaded()).length > 0; i++) await wait(100);
  assert.deepEqual(await loaded(), []);
});

test('without any right it serves what rtnetlink knows, and no series that it did not measure', {
  skip: noLab,
}, async (t) => {
  // The device is in this process's own namespace: without rights no other can be entered.
  const device = `ts${process.pid % 100_000}`;
  await run('ip', ['tuntap', 'add', 'dev', device, 'mode', 'tap']);
  t.after(() => run('ip', ['link', 'del', device]));
  const wrapper = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const agent = await startAgent(t, [], { wrapper });
  const metrics = await agent.metrics();
  const names = metrics.names({ device });
  assert.ok(names.has('tapscope_device_info') && names.has('tapscope_device_transmit_packets_total'));
  assert.deepEqual(
    [...names].filter((name) => /_queue_|_ring_/.test(name)),
    [],
  );
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'transmit' }), 0);
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'devices', mechanism: 'rtnetlink' }), 1);
  const doctor = await tapscope(['doctor'], { wrapper });
  assert.equal(doctor.code, 3);
  assert.match(doctor.stdout, /^BLIND: .*\n/);
  assert.match(doctor.stdout, /CAP_BPF: needed to load BPF programs/);
});
