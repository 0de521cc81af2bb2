// SPDX-License-Identifier: Apache-2.0
// Instant queries at the HTTP API of Prometheus, Thanos or VictoriaMetrics. Every error is one sentence.
import { urlCredentials } from '../url-credentials.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Answered {
  readonly samples: readonly Sample[];
  /** Warnings of the engine, e.g. that a part of the stores did not answer. */
  readonly warnings: readonly string[];
}

export interface Endpoint {
  /** The URL without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const MOST_BYTES = 256 * 2 ** 20;
const LONGEST_SAID = 500;

/** A user and a password in the URL become a header. Throws one sentence. */
export function endpointOf(url: string, header: readonly string[], timeoutMs: number): Endpoint {
  const parsed = URL.parse?.(url) ?? tryParse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new Error(
      `--url=${url} is not the address of a Prometheus API; write for example --url http://prometheus:9090.`,
    );
  const own = header.map((line) => {
    const [, name = '', value = ''] = /^([!-9;-~]+): *(.+)$/.exec(line) ?? [];
    if (!name) throw new Error(`--header=${line} is not a header; write for example --header 'X-Scope-OrgID: team1'.`);
    return [name, value] as const;
  });
  return {
    url: `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, ''),
    headers: { ...urlCredentials(parsed), ...Object.fromEntries(own) },
    timeoutMs,
  };
}

function tryParse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

/** Asks for the values at this moment of the engine. Throws one sentence that names the address. */
export async function ask({ url, headers, timeoutMs }: Endpoint, query: string): Promise<Answered> {
  const text = await fetchText(`${url}/api/v1/query`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: String(new URLSearchParams({ query })),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const answer = parse(text);
  if (!isRecord(answer) || typeof answer.status !== 'string')
    throw new Error(
      `${url} answers, but not as the API of Prometheus does (no JSON with a status); is a path missing in --url?`,
    );
  if (answer.status !== 'success') throw new Error(`${url} refuses a query: ${said(answer.error ?? answer.status)}`);
  const data = isRecord(answer.data) ? answer.data : {};
  const samples = Array.isArray(data.result) ? data.result.flatMap(sampleOf) : [];
  const warnings = Array.isArray(answer.warnings) ? answer.warnings.map(said) : [];
  return { samples, warnings };
}

async function fetchText(address: string, request: RequestInit & { readonly signal: AbortSignal }): Promise<string> {
  try {
    const response = await fetch(address, request);
    if (response.status === 401 || response.status === 403)
      throw new Error(
        `${address} asks for a password or token (HTTP ${response.status}); give it with --header 'Authorization: Bearer …'.`,
      );
    return await textOf(response, address);
  } catch (error) {
    if (request.signal.aborted) throw new Error(`${address} did not answer in time.`, { cause: error });
    if (error instanceof TypeError)
      throw new Error(`${address} cannot be reached: ${reasonOf(error)}.`, { cause: error });
    throw error;
  }
}

/** No more is kept of it than of the answer for a hundred thousand taps. */
async function textOf({ body }: Response, address: string): Promise<string> {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error(`${address} answers with more than ${MOST_BYTES / 2 ** 20} MB.`);
    pieces.push(decoder.decode(chunk, { stream: true }));
  }
  return pieces.join('');
}

function reasonOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? cause.message || String(Reflect.get(cause, 'code')) : error.message;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A message of the engine, on one line. */
function said(text: unknown): string {
  const line = (typeof text === 'string' ? text : (JSON.stringify(text) ?? '')).replace(/\s+/g, ' ');
  return line.length > LONGEST_SAID ? `${line.slice(0, LONGEST_SAID)}…` : line;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function sampleOf(result: unknown): readonly Sample[] {
  if (!isRecord(result) || !isRecord(result.metric) || !Array.isArray(result.value)) return [];
  const labels = Object.entries(result.metric).map(([name, value]) => [name, textIn(value)]);
  const [, number] = result.value;
  const value = typeof number === 'string' && number !== '' ? Number(number) : Number.NaN;
  return Number.isFinite(value) ? [{ labels: Object.fromEntries(labels), value }] : [];
}

/** The API has texts there. */
function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
