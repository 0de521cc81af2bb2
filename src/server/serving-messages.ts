// SPDX-License-Identifier: Apache-2.0
// What the process that counts tells the one that serves: lines of JSON.
import type { LogOptions } from '../log/log.ts';
import type { SnapshotPart } from '../snapshot/stream.ts';
import type { OtlpOptions } from './otlp/otlp-exporter.ts';
import type { ServerOptions } from './server.ts';
import type { WebConfigJson } from './web-config/fed.ts';

/** What the first process says first. */
export interface ServingSetup {
  /** Of the agent: the first process. */
  readonly pid: number;
  /** Whom this process becomes; absent: it stays who it is. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Who may ask on the unix socket. */
  readonly peers: { readonly uid: number; readonly group?: { readonly name: string; readonly gid: number } };
  readonly log: LogOptions;
  readonly server: ServerOptions;
  readonly web: WebConfigJson;
  readonly otlp?: OtlpOptions;
  readonly host: { readonly hostName: string; readonly hostId: string };
}

/** One line. */
export interface Message extends SnapshotPart {
  readonly setup?: ServingSetup;
  /** A snapshot begins: of a second, or the answer to so many requests for one. */
  readonly head?: { readonly isSecond?: boolean; readonly answers?: number };
  /** So many requests failed, and why. */
  readonly failed?: string;
  readonly answers?: number;
  readonly web?: WebConfigJson;
  readonly webRefused?: string;
  /** A socket that listens was handed over. */
  readonly handed?: true;
  /** What is measured: the start is complete. */
  readonly measured?: string;
  /** The answer to the question whether the process that counts is there. */
  readonly pulse?: true;
  /** Whether it serves, which systemd is told. */
  readonly prove?: true;
  readonly stop?: true;
}
