// SPDX-License-Identifier: Apache-2.0
// The flags of `tapscope serve` and what they mean.

import { type LevelChoice, levelChoices } from '../../agent/level-control.ts';
import { parseBudget } from '../../engine/budget.ts';
import { type Group, groupOf } from '../../kernel/processes/socket-peer.ts';
import type { LogOptions } from '../../log/log.ts';
import { logFormats, logLevels } from '../../log/log-format.ts';
import { type Detail, details, seriesBudget } from '../../outputs/prometheus/detail.ts';
import { type ListenAddress, parseListenAddress } from '../../server/listen-address.ts';
import { otlpEndpoint } from '../../server/otlp/otlp-endpoint.ts';
import type { OtlpOptions } from '../../server/otlp/otlp-exporter.ts';
import { parseDuration } from './duration.ts';

export interface ServeOptions {
  readonly listen: ListenAddress;
  readonly webConfigFile: string | undefined;
  /** Names by which the page and the metrics may be asked for, beside those that this host knows. */
  readonly allowedHosts: readonly string[];
  /** The path at which other commands find the agent. */
  readonly socket: string;
  /** The group whose members may ask there, beside root. */
  readonly socketGroup: Group | undefined;
  readonly detail: Detail;
  /** Pages in OpenMetrics tell since when counters count. */
  readonly created: boolean;
  /** Regular expressions that whole names must match, or must not. */
  readonly devices: { readonly include: string | undefined; readonly exclude: string | undefined };
  /** Share of all CPUs; undefined: no limit. */
  readonly budget: number | undefined;
  readonly level: LevelChoice;
  /** Probes may keep the tun module from being unloaded. */
  readonly pin: boolean;
  /** File that says whose each guest is. */
  readonly tenantMap: string | undefined;
  /** undefined: no collector. */
  readonly otlp: OtlpOptions | undefined;
}

/** Where commands look for an agent. */
export const SOCKET = '/run/tapscope/agent.sock';

export interface Flag {
  /** The flags in commander's notation. */
  readonly flags: string;
  readonly description: string;
  readonly fallback: string | undefined;
}

export const NO_PIN = '--no-pin';
export const NO_PIN_HELP = 'keep the tun module removable: do not trace its functions, use raw tracepoints instead';

/** toLocaleString() costs a fifth of a start: it looks for all locales. */
const thousands = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const budgets = details.map((detail) => `${detail} ${thousands(seriesBudget[detail])}`).join(', ');

export const serveFlags: readonly Flag[] = [
  {
    flags: '--web.listen-address <address>',
    description: 'address to listen on: 127.0.0.1:9000, [::1]:9000, or :9000 for every address',
    fallback: '127.0.0.1:10747',
  },
  {
    flags: '--web.config.file <file>',
    description:
      "TLS, passwords, headers and rate limit, in the format of Prometheus's exporters; reloaded when it changes",
    fallback: undefined,
  },
  {
    flags: '--web.allowed-host <name...>',
    description: "accept this host name in requests, beside addresses, localhost and this host's own name; '*' for any",
    fallback: undefined,
  },
  {
    flags: '--socket <path>',
    description: "unix socket for other commands ('tapscope diagnose --at'); open to its owner and root only",
    fallback: SOCKET,
  },
  {
    flags: '--socket-group <group>',
    description: 'open that socket to the members of this group as well',
    fallback: undefined,
  },
  {
    flags: '--detail <level>',
    description: `series per device (core: only those that alerts need), queue (full: all metrics), or queue and cpu; at most (${budgets}), the rest as device="~other"`,
    fallback: 'queue',
  },
  {
    flags: '--openmetrics-created',
    description: 'add the start time of each counter (x_created) to OpenMetrics: a quarter more lines and series',
    fallback: undefined,
  },
  {
    flags: '--device-include <regexp>',
    description: 'show only devices whose whole name matches',
    fallback: undefined,
  },
  {
    flags: '--device-exclude <regexp>',
    description: 'do not show devices whose whole name matches',
    fallback: undefined,
  },
  {
    flags: '--tenant-map <file>',
    description:
      "tenant of each guest, one a line: 'vm web1 acme', or uuid, pod, container, unit; reloaded when it changes",
    fallback: undefined,
  },
  {
    flags: '--otlp <url>',
    description: 'send metrics and findings to an OpenTelemetry collector, by OTLP over HTTP: http://collector:4318',
    fallback: undefined,
  },
  {
    flags: '--otlp-header <header...>',
    description: "header of each request to the collector: 'Authorization: Bearer …', or @FILE with one a line",
    fallback: undefined,
  },
  {
    flags: '--otlp-ca <file>',
    description: "CA of the collector's certificate, in PEM",
    fallback: undefined,
  },
  { flags: '--otlp-interval <time>', description: 'time between two exports of all metrics', fallback: '60s' },
  {
    flags: '--budget <share>',
    description:
      'share of all CPUs that the agent may use before it leaves the enqueue path (level lean), such as 2%; auto (1%, and 5% of one CPU at least), or off',
    fallback: 'auto',
  },
  {
    flags: '--level <level>',
    description:
      'auto (no program on the way of packets while all is well, exact once there are drops, full rings or questions), exact or rest (always)',
    fallback: 'auto',
  },
  { flags: NO_PIN, description: NO_PIN_HELP, fallback: undefined },
  { flags: '--log.level <level>', description: `${logLevels.join(', ')}; debug logs requests`, fallback: 'info' },
  {
    flags: '--log.format <format>',
    description: 'logfmt or json: lines with time, level and msg, on stderr; text: plain sentences',
    fallback: 'text',
  },
];

/** Read first: what is wrong with the others is logged so. */
export function readLogOptions(values: Readonly<Record<string, unknown>>): LogOptions {
  return {
    format: readWord('--log.format', values['log.format'], logFormats),
    level: readWord('--log.level', values['log.level'], logLevels),
  };
}

/** `values` as commander's opts() gives them. */
export function readServeOptions(values: Readonly<Record<string, unknown>>): ServeOptions {
  return {
    listen: parseListenAddress(String(values['web.listenAddress'])),
    webConfigFile: readText(values['web.config.file']),
    allowedHosts: readHosts(values['web.allowedHost']),
    socket: String(values.socket),
    socketGroup: values.socketGroup === undefined ? undefined : groupOf(String(values.socketGroup)),
    detail: readWord('--detail', values.detail, details),
    devices: { include: readText(values.deviceInclude), exclude: readText(values.deviceExclude) },
    pin: values.pin !== false,
    created: values.openmetricsCreated === true,
    budget: parseBudget(String(values.budget)),
    level: readWord('--level', values.level, levelChoices),
    tenantMap: readText(values.tenantMap),
    otlp: readOtlp(values),
  };
}

function readHosts(value: unknown): readonly string[] {
  const names = Array.isArray(value) ? value.map(String) : [];
  const wrong = names.find((name) => name !== '*' && !/^[a-z\d_-]+(\.[a-z\d_-]+)*\.?$/i.test(name));
  if (wrong === undefined) return names;
  throw new Error(
    `--web.allowed-host=${wrong} is not the name of a host; write it without scheme and port: tapscope.example.com.`,
  );
}

function readOtlp({ otlp, otlpHeader, otlpCa, otlpInterval }: Readonly<Record<string, unknown>>) {
  const everyMs = 1000 * parseDuration('--otlp-interval', String(otlpInterval), { least: 1, most: 3600 });
  const headers = Array.isArray(otlpHeader) ? otlpHeader.map(String) : [];
  const caFile = readText(otlpCa);
  if (otlp !== undefined) return { endpoint: otlpEndpoint({ url: String(otlp), headers, caFile }), everyMs };
  if (headers.length > 0 || caFile !== undefined)
    throw new Error('--otlp-header and --otlp-ca are for a collector; say where it is: --otlp http://collector:4318.');
  return undefined;
}

function readWord<Word extends string>(flag: string, value: unknown, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new Error(`${flag}=${value} is unknown; write one of: ${words.join(', ')}.`);
  return word;
}

function readText(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}
