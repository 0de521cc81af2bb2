// SPDX-License-Identifier: Apache-2.0
// The settings of --web.config.file, and their defaults.
import type { Rate } from '../request-limits.ts';
import type { TlsSettings } from './tls.ts';

export interface WebConfig {
  /** undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined;
  /** bcrypt hashes by name; empty: no password is asked for. */
  readonly users: ReadonlyMap<string, string>;
  /** Values of response headers; '': this header is not sent, even if it is by default. */
  readonly headers: ReadonlyMap<string, string>;
  readonly rate: Rate;
}

/** Requests from one address. Each Prometheus asks once in some seconds; many of them, and a person who reloads, stay far below. */
export const usualRate: Rate = { intervalMs: 20, burst: 100 };

export const noWebConfig: WebConfig = { tls: undefined, users: new Map(), headers: new Map(), rate: usualRate };
