// SPDX-License-Identifier: Apache-2.0
// Many hosts from one page of a real agent's format: what tells hosts and taps apart is replaced, the counters grow as they are told to.
import { readFileSync } from 'node:fs';

interface MadeUpTap {
  readonly device: string;
  /** Packets a second. */
  readonly offered: number;
  readonly lost: number;
  readonly qdisc: string;
  readonly ring: string;
  readonly tenant: string;
}

export interface MadeUpHost {
  readonly instance: string;
  readonly kernel: string;
  readonly rack: string;
  readonly taps: readonly MadeUpTap[];
}

const PAGE = readFileSync('src/outputs/prometheus/prometheus-golden.txt', 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'));
/** A device of the page, all of whose series each tap gets but the histograms, which no rule of a fleet uses. */
const DEVICE = 'netns="4026532285",device="tap0"';
const ofDevice = PAGE.filter((line) => line.includes(DEVICE) && !/_(bucket|sum|count)\{/.test(line));
const ofHost = PAGE.filter((line) =>
  /^tapscope_(build_info|probe_attached|agent_level|overhead_ratio|events_lost_total|snapshot_errors_total)\b/.test(
    line,
  ),
);

/** Lines of one host at one moment, `seconds` after its counters began. */
function pageOf({ instance, kernel, rack, taps }: MadeUpHost, seconds: number): readonly string[] {
  const own = ofHost.map((line) => line.replace(/kernel="[^"]*"/, `kernel="${kernel}"`));
  const devices = taps.flatMap((tap) =>
    ofDevice.map((line) =>
      grown(line, tap, seconds)
        .replace('device="tap0"', `device="${tap.device}"`)
        .replace(/qdisc="[^"]*"/, `qdisc="${tap.qdisc}"`)
        .replace('tenant=""', `tenant="${tap.tenant}"`)
        .replace(/queue_length="[^"]*"/, `queue_length="${tap.ring}"`),
    ),
  );
  const labels = `instance="${instance}",job="tapscope",rack="${rack}"`;
  return [...own, ...devices].map((line) =>
    /^\w+\{/.test(line) ? line.replace('{', `{${labels},`) : line.replace(' ', `{${labels}} `),
  );
}

function grown(line: string, { offered, lost }: MadeUpTap, seconds: number): string {
  const set = (packets: number): string => line.replace(/ \S+$/, ` ${Math.round(packets * seconds)}`);
  if (line.startsWith('tapscope_queue_offered_packets_total')) return set(offered);
  if (/^tapscope_queue_dropped_packets_total.*FULL_RING/.test(line)) return set(lost);
  return line;
}

/** OpenMetrics for `promtool tsdb create-blocks-from openmetrics`: a sample each minute from `from` to `to`, in seconds of Unix time. */
export function openMetricsOf(hosts: readonly MadeUpHost[], from: number, to: number): string {
  const lines: string[] = [];
  for (let at = from; at <= to; at += 60)
    for (const host of hosts) for (const line of pageOf(host, at - from)) lines.push(`${line} ${at}`);
  return `${lines.join('\n')}\n# EOF\n`;
}
