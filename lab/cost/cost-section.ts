// SPDX-License-Identifier: Apache-2.0
// The section of BENCHMARKS.md about packets.
import { execFileSync } from 'node:child_process';
import { markdown, percent } from '../report/report.ts';
import {
  BASELINE,
  CONFIGURATIONS,
  COUNTS_ALL,
  DEFAULT_LEVEL,
  GUARDED,
  isScaled,
  LEAN_LEVEL,
  RAW_MODE,
  REST_LEVEL,
  REST_RAW,
} from './configurations.ts';
import {
  added,
  brokenComparisons,
  hasScales,
  limitsOf,
  NOISE,
  priceTable,
  SCALE_LIMIT,
  scaleTable,
  widest,
} from './cost-table.ts';
import type { Measured } from './measure-paths.ts';
import type { Path } from './packet-paths.ts';
import { peerVersions, shownWord } from './peers.ts';
import { TOOLS } from './tools.ts';

interface Versions {
  /** Debian's package -> version; undefined: not installed. */
  readonly packages: ReadonlyMap<string, string | undefined>;
}

const METHOD = `# What watching costs

Instructions per packet: with nothing attached, and added by what is attached (\`·\`: less than the noise of 8, with many rings of 16; \`–\`: this
kernel does not have the path, or it was not clocked there). Written by \`npm run bench:cost\`; \`npm run bench:cost -- --check\`, which \`npm run test:all\` includes, fails when a
packet's total grows by more than 2 % of \`lab/cost/baseline.json\` (5 % with many rings). A row stays as it was last measured: with \`--ours\` those of tapscope alone are measured anew.
`;

/** difference: between two runs. */
const method = (difference: number): string => `## Method

Debian's kernels in VMs with one CPU on QEMU's instruction clock, where a virtual nanosecond is an instruction: a busy machine measures
the same as an idle one. Two runs of what is guarded agreed within ${(100 * difference).toFixed(2)} % (1.5 are allowed); with many rings by up to 3 %, for it depends on the kernel's addresses which rows share a cell of the table. Median of 5 rounds of 4 000 packets of 60 bytes after one that warms up, and of many rings one round of 128 packets for each (15 rounds with 4 rings). Instructions
are not cycles: cache misses, contended atomics and the tools' own user space (it sleeps while a round is clocked) do not show.

* enqueue, drop: one \`send()\` by packet socket into a tap without qdisc whose ring has room, or is full
* read: one \`read()\` of a packet
* foreign packet, foreign drop: a \`send()\` into a device that is none of ours, and one that its qdisc drops
* drop without device: a Unix socket is closed in which 4 000 datagrams of 60 bytes wait; of each, without the system calls that sent it
* pktgen: its kernel thread alone, through pfifo_fast into the tap (before Linux 6.5 it shares its packets: their drops are not traced)
* vhost consume: vhost-net's worker takes a packet out of the ring and puts it into a guest's buffer, in batches of 64
* stop and wake: a packet's whole way from \`send()\` through fq_codel and a ring of 100 that stops the queue and wakes it
  (IFF_BACKPRESSURE, Linux 7.3), to \`read()\`
* write: one \`write()\` into a tap, up to the packet socket that takes it on the host
* forwarded: one \`write()\` into a tap whose frame a bridge sends on to a dummy; clocked with nothing attached and while a question is open
* foreign wake: a packet that is redirected through an ifb, whose queue it stops, and which is woken for it. Probes on wakes are attached once a device has IFF_BACKPRESSURE
* 4 queues, 256 queues, 1 000 devices: each packet goes to another ring than the one before: of so many queues of one device, or of so many devices
`;

interface Circumstances {
  /** The kernel that has limits. */
  readonly limited: string;
  readonly versions: Versions;
  /** Between two runs, as a part of a packet's whole price. */
  readonly difference: number;
}

export function report(
  measured: ReadonlyMap<string, Measured>,
  { limited, versions, difference }: Circumstances,
): string {
  const first = measured.get(limited);
  const parts = [
    METHOD,
    ...(first ? [`${summary(first, limited)}\n`, limitSection(first, limited)] : []),
    ...[...measured].map(([series, one]) => kernelSection(series, one)),
    method(difference),
    toolSection(versions),
  ];
  return parts.join('\n');
}

/** What the figures say, in one paragraph. */
function summary(measured: Measured, series: string): string {
  const { prices } = measured;
  const nothing = prices.get(BASELINE) ?? {};
  const more = (name: string, path: Path): number => Math.round(added(path, prices.get(name) ?? {}, nothing) ?? 0);
  const both = (name: string): number => more(name, 'enqueue') + more(name, 'read');
  const whole = (nothing.enqueue ?? 0) + (nothing.read ?? 0);
  const share = (name: string): string => percent(both(name) / whole, 0);
  const least = (name: string): number =>
    Math.max(
      0,
      ...(['enqueue', 'read', 'foreign packet'] as const).map((path) => more(name, path)).filter((one) => one >= NOISE),
    );
  const scale = (name: string): string => percent(widest(measured, [name]));
  const rivals = CONFIGURATIONS.filter(({ name, byDeviceAndReason }) => byDeviceAndReason && prices.has(name));
  const sentences = [
    `On Linux ${series} a packet that is sent into a tap and read costs ${Math.round(whole)} instructions. At level rest, the default while all is well, ` +
      `tapscope adds ${least(REST_LEVEL)}, and ${least(REST_RAW)} in raw mode, to it and to a packet of another device.`,
    `While something is wrong, level exact adds ${both(DEFAULT_LEVEL)} ` +
      `(${share(DEFAULT_LEVEL)}), level lean ${both(LEAN_LEVEL)} (${share(LEAN_LEVEL)}), raw mode ${both(RAW_MODE)} (${share(RAW_MODE)}).`,
    `A drop costs ${more(DEFAULT_LEVEL, 'drop')}, ${more(LEAN_LEVEL, 'drop')} and ${more(RAW_MODE, 'drop')} more; with tools that count drops by device and reason ` +
      `${rivals.map(({ name }) => `${more(name, 'drop')} (${name})`).join(', ')}. ` +
      `They count nothing else, as level lean does on this path; level exact counts each packet too, for which one pays ${more(COUNTS_ALL, 'drop')} there (${COUNTS_ALL}).`,
    `A drop elsewhere on the host costs ${more(DEFAULT_LEVEL, 'foreign drop')} more, since it could be one on the way to a tap; a packet of another device nothing, ` +
      `and in raw mode ${more(RAW_MODE, 'foreign packet')}.`,
    ...(hasScales(measured)
      ? [
          `With 4 or 256 queues or 1 000 devices in turn a packet costs the same within ${scale(DEFAULT_LEVEL)} at level exact, ${scale(RAW_MODE)} in raw mode ` +
            `and ${scale(LEAN_LEVEL)} at level lean, where each drop is cheap.`,
        ]
      : []),
  ];
  return sentences.join('\n');
}

function limitSection(measured: Measured, series: string): string {
  const rows = limitsOf(measured).map(({ configuration, path, added, limit, holds }) => [
    `${configuration}, ${path}`,
    String(Math.max(0, Math.round(added))),
    String(limit),
    holds ? 'yes' : `**does not hold**: ${Math.ceil(added - limit)} over`,
  ]);
  const table = markdown([['path', 'added', 'limit', 'holds'], ...rows, ...scaleRows(measured)]);
  const broken = brokenComparisons(measured).map((sentence) => `* **does not hold**: ${sentence}`);
  return `## Limits on Linux ${series}\n\n${[table, ...(broken.length > 0 ? ['', ...broken] : [])].join('\n')}\n`;
}

/** How far many rings may be from one. */
function scaleRows(measured: Measured): readonly (readonly string[])[] {
  if (!hasScales(measured)) return [];
  return GUARDED.filter((name) => isScaled({ name }) && measured.prices.has(name)).map((name) => {
    const scale = widest(measured, [name]);
    const holds = scale <= SCALE_LIMIT ? 'yes' : '**does not hold**';
    return [`${name}, many rings against one, of the whole price`, percent(scale), percent(SCALE_LIMIT), holds];
  });
}

function kernelSection(series: string, measured: Measured): string {
  const notRun = [...measured.notRun].map(([name, reason]) => `* not run: ${name}: ${reason}`);
  const lines = [`## Linux ${series} (${measured.kernel})`, '', priceTable(measured), ''];
  if (notRun.length > 0) lines.push(...notRun, '');
  if (hasScales(measured))
    lines.push('Added with one ring, and where packets take turns among many:', '', scaleTable(measured), '');
  return lines.join('\n');
}

function toolSection({ packages }: Versions): string {
  const rows = TOOLS.map(({ name, package: debian, command }) => {
    const words = command
      .map(shownWord)
      .map((word) => (/[\s{}]/.test(word) ? `'${word}'` : word))
      .join(' ');
    return `* ${name}: \`${words}\` (${debian} ${packages.get(debian) ?? 'is not installed'})`;
  });
  const build = ['qemu-system-x86', 'clang', 'libbpf1'].map((name) => `${name} ${packages.get(name) ?? '?'}`);
  return [
    '## Versions and commands',
    '',
    `Debian's packages: ${build.join(', ')}. pattern of ebpf_exporter: \`lab/cost/exporter.bpf.c\`; empty programs: \`lab/cost/empty.bpf.c\`.`,
    `The newest bpftrace is that of Debian's newest suite; ebpf_exporter is built from the Go module proxy (\`lab/cost/peers.ts\`).`,
    '',
    ...rows,
    '',
  ].join('\n');
}

export function readVersions(): Versions {
  const names = [...new Set([...TOOLS.map((tool) => tool.package), 'qemu-system-x86', 'clang', 'libbpf1'])];
  const peers = peerVersions();
  return { packages: new Map(names.map((name) => [name, peers[name] ?? packageVersion(name)])) };
}

function packageVersion(name: string): string | undefined {
  try {
    const text = execFileSync('dpkg', ['--status', name], { encoding: 'utf8', stdio: 'pipe' });
    return /^Version: (.*)$/m.exec(text)?.[1];
  } catch {
    return undefined; // not installed, or no Debian
  }
}
