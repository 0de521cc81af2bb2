// SPDX-License-Identifier: Apache-2.0
// Where an OpenTelemetry collector listens, and what it is told with each request, from the flags.
import { X509Certificate } from 'node:crypto';
import { readOperatorFileAtStart } from '../../operator-file.ts';
import { urlCredentials } from '../../url-credentials.ts';
import { type OtlpProxy, otlpProxy } from './otlp-proxy.ts';

export interface OtlpEndpoint {
  /** The URL without a slash at its end, and without /v1/metrics. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; undefined: the authorities that Node.js knows. */
  readonly ca: string | undefined;
  readonly proxy?: OtlpProxy | undefined;
}

interface OtlpWords {
  readonly url: string;
  /** `Name: value`, or `@FILE` with one a line. */
  readonly headers: readonly string[];
  readonly caFile: string | undefined;
}

/** A user and a password in the URL become a header. Throws one sentence. */
export function otlpEndpoint({ url, headers, caFile }: OtlpWords): OtlpEndpoint {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.search || parsed.hash)
    throw new Error(`--otlp=${url} is not the address of a collector; write for example --otlp http://collector:4318.`);
  const path = parsed.pathname.replace(/\/+$/, '');
  const [signal] = /\/v1\/(?:metrics|logs|traces)$/.exec(path) ?? [];
  if (signal !== undefined) throw new Error(`--otlp=${url} is the address of one signal; leave ${signal} away.`);
  return {
    url: `${parsed.origin}${path}`,
    headers: { ...urlCredentials(parsed), ...Object.fromEntries(headers.flatMap(linesOf).map(headerOf)) },
    ca: caFile === undefined ? undefined : readAuthority(caFile),
    proxy: otlpProxy(parsed),
  };
}

/** Each user of a host may read the arguments of a process, but not each file. */
function linesOf(word: string): readonly string[] {
  if (!word.startsWith('@')) return [word];
  const lines = read('--otlp-header', word.slice(1)).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

function headerOf(line: string, number: number): readonly [name: string, value: string] {
  const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+): *([\t\x20-\x7e]+)$/.exec(line) ?? [];
  // The value of a header may be a secret: the sentence does not repeat it.
  if (!name)
    throw new Error(
      `header ${number + 1} of --otlp-header is not a header; write for example --otlp-header 'Authorization: Bearer …', or @FILE with one a line.`,
    );
  return [name.toLowerCase(), value.trim()];
}

/** TLS takes a file without a certificate in silence, and then trusts no collector. */
function readAuthority(file: string): string {
  const pem = read('--otlp-ca', file);
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new Error(`--otlp-ca: ${file} holds no certificate in PEM.`, { cause: error });
  }
  return pem;
}

function read(flag: string, file: string): string {
  try {
    return readOperatorFileAtStart(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${flag}: ${file} cannot be read (${reason}).`, { cause: error });
  }
}
