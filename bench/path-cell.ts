// SPDX-License-Identifier: Apache-2.0
// One run of a path cell: TCP through a VPN over a path with delay and loss, while a ping runs beside it.
import { setTimeout as wait } from 'node:timers/promises';
import { readQdiscs } from '../src/kernel/rtnetlink.ts';
import { agentCounts, compare, doubts } from './agreement.ts';
import { type PathCell, type PathRun, type Run, spread } from './bench-report.ts';
import { type BenchSetup, DEVICE, Missing, missingIf, until } from './bench-setup.ts';
import { raise } from './own-device.ts';
import { PATH_DELAY_MS, PATH_FLOWS, PATH_LOSS_PERCENT, PATH_PACE, PATH_RING, pathSeconds } from './path.ts';
import { type PathReport, pathReport, pingTimes } from './path-programs.ts';
import { programText } from './program-text.ts';
import { startTraffic, type Traffic } from './traffic/traffic.ts';
import { lacking, outputOf, programPath, startIn } from './virtual-machine/host-program.ts';

/** RFC 2544 keeps these for benchmarks. */
const PATH = { own: '198.18.1.1', other: '198.18.1.2', port: 4433 };
const TUNNEL = { own: '198.18.2.1', other: '198.18.2.2' };
const FAR_DEVICE = 'far0';
const PATH_DEVICE = 'path0';
/** So that a packet with the tunnel's headers passes an Ethernet. */
const MTU = 1400;
/** Of no account: the far end sends acknowledgements. */
const UNPACED = 1_000_000;
const SAMPLE_MS = 250;
const PING_MS = 200;
const RESTS_WITHIN_S = 60;
const ENDS_AFTER_S = 30;

/** Throws Missing where this host cannot. */
export async function runPathCell(setup: BenchSetup, cell: PathCell, seconds: number): Promise<Run> {
  const far = await startTraffic('far');
  try {
    await setUp(setup, far, cell);
    return await measure(setup, far, pathSeconds(seconds));
  } finally {
    const gone = (): undefined => undefined;
    await setup.traffic.stopTunnel().catch(gone);
    await setup.traffic.close('near').catch(gone);
    // The kernel deletes the far namespace, and with it the path, some time after its last process.
    await inNamespace(setup.traffic, 'ip', `link del ${PATH_DEVICE}`).catch(gone);
    await far.end();
  }
}

async function setUp({ traffic, refresh, look }: BenchSetup, far: Traffic, cell: PathCell): Promise<void> {
  const stopping = cell.qdisc !== 'tail-drop';
  await traffic.pin(undefined);
  const stops = await traffic.open('near', DEVICE, stopping ? ['backpressure'] : [], 'tun');
  if (!stops) throw new Missing("this kernel's tun has no IFF_BACKPRESSURE (Linux 7.3 has it)");
  await far.open('far', FAR_DEVICE, [], 'tun');
  await layPath(traffic, far).catch(missingIf('PROGRAM'));
  const qdisc = cell.qdisc === 'tail-drop' ? 'fq_codel' : cell.qdisc;
  const device = { namespace: traffic.namespace, name: DEVICE, queues: 1 };
  await raise(device, PATH_RING, qdisc).catch(missingIf('QDISC'));
  await raise({ namespace: far.namespace, name: FAR_DEVICE, queues: 1 }, 1000);
  await far.tunnel('far', { own: PATH.other, other: PATH.own, port: PATH.port, rate: UNPACED });
  await traffic.tunnel('near', { ...PATH, rate: PATH_PACE });
  await refresh();
  await look();
}

/** Two ends of a veth, each with its delay, and the addresses of both tunnels' ends. */
async function layPath(near: Traffic, far: Traffic): Promise<void> {
  await inNamespace(near, 'ip', `link add ${PATH_DEVICE} type veth peer name path1 netns ${far.pid}`);
  const ends = [
    { at: near, device: PATH_DEVICE, tun: DEVICE, address: PATH.own, inner: TUNNEL.own, peer: TUNNEL.other },
    { at: far, device: 'path1', tun: FAR_DEVICE, address: PATH.other, inner: TUNNEL.other, peer: TUNNEL.own },
  ];
  for (const { at, device, tun, address, inner, peer } of ends) {
    await inNamespace(at, 'ip', `address add ${address}/24 dev ${device}`);
    await inNamespace(at, 'ip', `address add ${inner} peer ${peer} dev ${tun}`);
    await inNamespace(at, 'ip', `link set ${tun} mtu ${MTU}`);
    await inNamespace(at, 'ip', `link set ${device} up`);
    const loss = at === near ? ` loss ${PATH_LOSS_PERCENT}%` : '';
    await inNamespace(at, 'tc', `qdisc replace dev ${device} root netem limit 10000 delay ${PATH_DELAY_MS}ms${loss}`);
  }
}

/** Of iproute2. Code PROGRAM: this host cannot, and the message says so. */
async function inNamespace({ namespace }: Traffic, program: 'ip' | 'tc', words: string): Promise<void> {
  const file = programPath(program, 'iproute2');
  await outputOf('nsenter', [`--net=${namespace}`, file, ...words.split(' ')]).catch((cause: unknown) => {
    const said = cause instanceof Error ? cause.message.trim().split('\n').at(-1) : cause;
    throw lacking(`${words}: ${said}`, cause);
  });
}

async function measure(setup: BenchSetup, far: Traffic, seconds: number): Promise<Run> {
  const [iperf, pingProgram] = await Promise.resolve()
    .then(() => [programPath('iperf3', 'iperf3'), programPath('ping', 'iputils-ping')] as const)
    .catch(missingIf('PROGRAM'));
  // One client, and its stdout is not read: the pipe is drained.
  const server = startIn(far.namespace, iperf, ['-s', '-1']);
  server.child.stdout?.resume();
  server.child.stderr?.resume();
  const pings = Math.floor((1000 * seconds) / PING_MS);
  try {
    await until('iperf3 listened', RESTS_WITHIN_S, setup, () => listens(far));
    const began = performance.now();
    const limit = seconds + ENDS_AFTER_S;
    const ping = programText(setup, pingProgram, ['-n', '-i', '0.2', '-c', String(pings), TUNNEL.other], limit);
    const words = ['-c', TUNNEL.other, '-t', String(seconds), '-P', String(PATH_FLOWS), '-J'];
    const client = programText(setup, iperf, words, limit);
    const samples = await sampleUntil(setup, client);
    const report = pathReport((await client).text);
    const took = (performance.now() - began) / 1000;
    const times = pingTimes((await ping).text);
    await until('all packets had left the tun', RESTS_WITHIN_S, setup, async () => (await waiting(setup)).ring === 0);
    return await judge(setup, report, times, samples, took);
  } finally {
    await server.end();
  }
}

/** A listening socket of iperf3's port, in /proc/net/tcp6 or tcp of that namespace. */
async function listens({ pid }: Traffic): Promise<boolean> {
  const text = await outputOf('cat', [`/proc/${pid}/net/tcp`, `/proc/${pid}/net/tcp6`]).catch(() => Buffer.alloc(0));
  return /:1451 [0-9A-F]+:0000 0A /.test(text.toString());
}

interface Waiting {
  readonly ring: number;
  readonly qdisc: number;
}

async function waiting({ traffic, look }: BenchSetup): Promise<Waiting> {
  const device = await look();
  const qdiscs = await readQdiscs(traffic.namespace);
  const own = qdiscs.filter(({ ifindex }) => ifindex === device.ifindex);
  return {
    ring: agentCounts(device).waiting,
    qdisc: own.reduce((sum, { stats }) => sum + stats.qlen, 0),
  };
}

async function sampleUntil(setup: BenchSetup, end: Promise<unknown>): Promise<readonly Waiting[]> {
  const samples: Waiting[] = [];
  let ended = false;
  const done = (): void => {
    ended = true;
  };
  end.then(done, done);
  while (!ended) {
    samples.push(await waiting(setup));
    await wait(SAMPLE_MS, undefined, { signal: setup.interrupted });
  }
  return samples;
}

async function judge(
  setup: BenchSetup,
  report: PathReport,
  times: readonly number[],
  samples: readonly Waiting[],
  seconds: number,
): Promise<Run> {
  // A packet may come at any time: what is counted after its end stands still.
  const read = await setup.traffic.stopTunnel();
  const device = await setup.look();
  const ours = agentCounts(device);
  const mean = (of: (sample: Waiting) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  // Little's law: what waits on average, by what leaves in a second.
  const milliseconds = (packets: number): number => (1000 * packets * seconds) / ours.delivered;
  const path: PathRun = {
    ...report,
    pingMs: times.length > 0 ? spread(times).median : undefined,
    qdiscMs: milliseconds(mean(({ qdisc }) => qdisc)),
    ringMs: milliseconds(mean(({ ring }) => ring)),
  };
  return {
    ...{ seconds, transmitted: ours.enqueued, lost: ours.dropped, droppedBefore: ours.droppedBefore },
    ...{ uncopied: 0, workerSeconds: undefined, path },
    disagreements: [
      ...compare([
        ['delivered packets', ours.delivered, 'the VPN', read],
        ['lost packets', ours.dropped, "the tun's tx_dropped", device.counters?.txDropped ?? Number.NaN],
      ]),
      ...doubts(device),
    ],
  };
}
