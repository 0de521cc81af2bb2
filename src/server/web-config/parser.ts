// SPDX-License-Identifier: Apache-2.0
// The file of --web.config.file, in the format of Prometheus's exporters: TLS, passwords, headers, rate limit.
import { parse } from 'yaml';
import type { Rate } from '../request-limits.ts';
import { fileKeys, readTls } from './tls.ts';
import { pathOf, readFlag, readMap, readSection, readWord, type Section, shown } from './values.ts';
import { usualRate, type WebConfig } from './web-config.ts';

export function parseWebConfig(text: string, readFile: (key: string, name: string) => string): WebConfig {
  const known = ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit'];
  const config: Section = readSection(parseYaml(text), '', known) ?? new Map();
  return {
    users: readUsers(config.get('basic_auth_users')),
    headers: readHttp(config.get('http_server_config')),
    rate: readRate(config.get('rate_limit')),
    tls: readTls(config.get('tls_server_config'), readFile),
  };
}

/** Of certificates and keys, for them to be read before the config is parsed. */
export function filesNamedIn(text: string): readonly string[] {
  const config = parseYaml(text);
  const section: unknown = config instanceof Map ? config.get('tls_server_config') : undefined;
  if (!(section instanceof Map)) return [];
  return fileKeys.flatMap((key) => {
    const name: unknown = section.get(key);
    return typeof name === 'string' && name !== '' ? [name] : [];
  });
}

/** The format has five levels; a parser that descends 1 000 takes seconds, or all memory. So does one that finds as many faults. */
const MOST_SIGNS = 100;
/** The parser compares each key with all others. */
const MOST_LINES = 5000;
/** And what may begin a text, or a fault. */
const MOST_TEXTS = 1000;
/** Characters. */
const LONGEST = 2 ** 18;

/**
 * Bounds what the parser has to do: by brackets, whether they close or not, for those in texts look like others; by tags, anchors and aliases; by
 * indicators of a block in one line, and by how far lines are indented.
 */
function refuseHostile(text: string): void {
  const lines = text.split(/\r\n|[\r\n]/);
  if (lines.length > MOST_LINES || text.length > LONGEST)
    throw new Error(`it is longer than ${MOST_LINES} lines or ${LONGEST / 1024} KiB`);
  const signs = (line: string, sign: RegExp): number => line.match(sign)?.length ?? 0;
  const isDeep = (line: string): boolean =>
    line.search(/\S|$/) > MOST_SIGNS || signs(line, /[-?:,](?=\s)/g) > MOST_SIGNS;
  if (
    signs(text, /[[\]{}]|(?<!\S)[&*!%@`"']/g) > MOST_TEXTS ||
    signs(text, /[[{]|(?<!\S)[&*!]/g) > MOST_SIGNS ||
    lines.some(isDeep)
  )
    throw new Error(`it is nested deeper than ${MOST_SIGNS} levels, or has more brackets, tags or anchors`);
}

function parseYaml(text: string): unknown {
  refuseHostile(text);
  try {
    return parse(text, { mapAsMap: true, logLevel: 'error' });
  } catch (cause) {
    // The first line names the place, the others draw it.
    const [sentence = ''] = String(cause instanceof Error ? cause.message : cause).split('\n');
    throw new Error(`it is not YAML (${sentence.replace(/:$/, '')})`, { cause });
  }
}

function readUsers(value: unknown): ReadonlyMap<string, string> {
  const users = readMap(value, 'basic_auth_users') ?? new Map<string, unknown>();
  return new Map(
    [...users].map(([user, hash]) => {
      const where = pathOf('basic_auth_users', user);
      if (user.includes(':')) throw new Error(`${where} can never log in: a name has no colon`);
      if (typeof hash !== 'string' || !/^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(hash)) {
        throw new Error(`${where} is not a bcrypt hash; "htpasswd -nBC 10 ${shown(user)}" makes one`);
      }
      return [user, hash];
    }),
  );
}

/** Values that the format allows; undefined: any text. */
const headerValues: Readonly<Record<string, readonly string[] | undefined>> = {
  'Content-Security-Policy': undefined,
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-Content-Type-Options': ['nosniff'],
  'X-XSS-Protection': undefined,
  'Strict-Transport-Security': undefined,
};

/** http2 chooses nothing: clients that could speak it agree on HTTP/1.1 in the handshake, and Prometheus needs no more. */
function readHttp(value: unknown): ReadonlyMap<string, string> {
  const section = readSection(value, 'http_server_config', ['http2', 'headers']) ?? new Map<string, unknown>();
  readFlag(section, 'http_server_config', 'http2');
  const where = 'http_server_config.headers';
  const headers: Section = readSection(section.get('headers'), where, Object.keys(headerValues)) ?? new Map();
  return new Map(
    [...headers].map(([name, text]) => {
      const words = headerValues[name];
      if (words !== undefined) readWord(headers, where, name, words);
      // Refused here, or every answer would fail.
      if (typeof (text ?? '') !== 'string' || /[^\t\x20-\x7e]/.test(String(text ?? ''))) {
        throw new Error(`${pathOf(where, name)} must be text of printable ASCII`);
      }
      return [name.toLowerCase(), String(text ?? '')];
    }),
  );
}

function readRate(value: unknown): Rate {
  const section = readSection(value, 'rate_limit', ['interval', 'burst']);
  if (section === undefined) return usualRate;
  const burst = section.get('burst') ?? 0;
  const intervalMs = readDuration(section.get('interval') ?? 0);
  if (intervalMs === undefined) throw new Error('rate_limit.interval must be a time such as 1s or 100ms, or 0');
  if (typeof burst !== 'number' || !Number.isSafeInteger(burst) || burst < 0 || (burst === 0 && intervalMs > 0)) {
    throw new Error('rate_limit.burst must be a whole number of requests, at least 1');
  }
  return { intervalMs, burst };
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it: 1s, 1m30s, 100ms, 0. */
function readDuration(value: unknown): number | undefined {
  const text = String(value);
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)/g);
  const ms = [...parts].reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitMs[unit] ?? 0), 0);
  return Number.isFinite(ms) ? ms : undefined;
}
