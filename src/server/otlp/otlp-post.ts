// SPDX-License-Identifier: Apache-2.0
// One request to a collector, and what became of it. It never throws.
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { visible } from '../../snapshot/visible.ts';
import type { ExportOutcome } from '../../subjects/scrape-metrics.ts';
import type { OtlpEndpoint } from './otlp-endpoint.ts';

export interface Answer {
  readonly outcome: ExportOutcome;
  /** Text after 'The collector at URL'; '': it accepted all. */
  readonly reason: string;
  /** The time for which the collector asked to be left alone. */
  readonly afterMs?: number;
  /** Data points or log records that it did not take. */
  readonly rejected?: number;
}

export type Post = (path: '/v1/metrics' | '/v1/logs', body: string) => Promise<Answer>;

/** OpenTelemetry's own. */
const TIMEOUT_MS = 10_000;
/** Bytes that are read of an answer at most. */
const ANSWER_BYTES = 64 * 1024;
const LONGEST_WAIT_MS = 300_000;
const BUSY = [429, 502, 503, 504];

const compress = promisify(gzip);

/** One connection, kept. */
export function createPost({ url, headers, ca, proxy }: OtlpEndpoint, version: string, timeoutMs = TIMEOUT_MS) {
  const isTls = url.startsWith('https:');
  const kept = { keepAlive: true, maxSockets: 1, ...(proxy && { proxyEnv: proxy.variables }) };
  const agent = isTls ? new TlsAgent({ ...kept, ca }) : new Agent(kept);
  const closed = new AbortController();
  const post: Post = async (path, body) => {
    const bytes = await compress(body);
    const options: RequestOptions = {
      method: 'POST',
      agent,
      signal: AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        'user-agent': `tapscope/${version}`,
        ...headers,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'content-length': bytes.length,
      },
    };
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const sent = (isTls ? tlsRequest : request)(`${url}${path}`, options, (response) => {
          readAnswer(response)
            .then((text) => answerOf(response, text))
            .then(resolve, reject);
        });
        sent.on('error', reject).end(bytes);
      });
    } catch (error) {
      return { outcome: 'unreachable', reason: `cannot be reached (${failureOf(error, timeoutMs)})` };
    }
  };
  return {
    post,
    close: () => {
      closed.abort();
      agent.destroy();
    },
  };
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > ANSWER_BYTES) break; // which closes the connection
  }
  return Buffer.concat(chunks).toString();
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, text: string): Answer {
  const type = headers['content-type'] ?? '';
  const said = parse(text);
  if (BUSY.includes(statusCode)) {
    return {
      outcome: 'busy',
      reason: `asks to come later (HTTP ${statusCode})`,
      ...retryAfter(headers['retry-after']),
    };
  }
  if (statusCode < 200 || statusCode > 299) return { outcome: 'refused', reason: refusal(statusCode, said) };
  const isAnswer = text === '' || type.startsWith('application/x-protobuf') || isRecord(said);
  if (!isAnswer) {
    const of = visible(type.replace(/;.*/, '')).slice(0, 40) || 'no type';
    return {
      outcome: 'refused',
      reason: `answers, but not as a collector does (HTTP ${statusCode}, ${of}); is it the right address?`,
    };
  }
  const partial = isRecord(said) && isRecord(said.partialSuccess) ? said.partialSuccess : {};
  const rejected = wholeNumber(partial.rejectedDataPoints ?? partial.rejectedLogRecords);
  if (!(rejected > 0)) return { outcome: 'accepted', reason: '' };
  return { outcome: 'partial', rejected, reason: `rejects ${rejected} of the data${because(partial.errorMessage)}` };
}

/** 64 bits are a text in JSON. What is none is 0. */
function wholeNumber(value: unknown): number {
  return Number(
    /^\d{1,20}$/.exec(typeof value === 'number' || typeof value === 'string' ? String(value) : '')?.[0] ?? 0,
  );
}

function refusal(status: number, said: unknown): string {
  if (status === 401 || status === 403)
    return `asks for a password or token (HTTP ${status}); give it with --otlp-header 'Authorization: Bearer …'`;
  if (status === 404) return 'has no such page (HTTP 404); is a path missing in --otlp?';
  return `refuses the data (HTTP ${status})${because(isRecord(said) ? said.message : undefined)}`;
}

function because(message: unknown): string {
  return typeof message === 'string' && message !== '' ? `: ${visible(message).slice(0, 200)}` : '';
}

function retryAfter(header: string | undefined): { readonly afterMs?: number } {
  const ms = /^\d+$/.test(header ?? '') ? 1000 * Number(header) : Date.parse(header ?? '') - Date.now();
  return ms > 0 ? { afterMs: Math.min(ms, LONGEST_WAIT_MS) } : {};
}

function failureOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `no answer in ${timeoutMs / 1000} s`;
  const code = 'code' in error ? String(error.code) : '';
  if (code.startsWith('HPE_')) return 'it does not speak HTTP; OTLP over HTTP listens on port 4318, gRPC on 4317';
  if (/SIGNED|ISSUER|VERIFY_LEAF/.test(code))
    return `${visible(error.message)}; --otlp-ca FILE names the authority to trust`;
  return visible(error.message || code);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
