// SPDX-License-Identifier: Apache-2.0
// Messages of the counting process to the serving process: lines of JSON.
import type { LogOptions } from '../log/log.ts';
import type { Sender } from '../outputs/otlp/otlp-attributes.ts';
import type { SnapshotPart } from '../snapshot/stream.ts';
import type { OtlpOptions } from './otlp/otlp-exporter.ts';
import type { ServerOptions } from './server.ts';
import type { WebConfigJson } from './web-config/remote.ts';

/** The first message after the start. */
export interface ServingSetup {
  /** The pid of the counting process. */
  readonly pid: number;
  /** The user that the serving process becomes; absent: it keeps its user. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The users that may send requests to the unix socket. */
  readonly peers: { readonly uid: number; readonly group?: { readonly name: string; readonly gid: number } };
  readonly log: LogOptions;
  readonly server: ServerOptions;
  readonly web: WebConfigJson;
  readonly otlp?: OtlpOptions;
  readonly host: Omit<Sender, 'version'>;
}

/** One line. */
export interface Message extends SnapshotPart {
  readonly setup?: ServingSetup;
  /** A snapshot begins: `isSecond`: the one of each second; `answers`: the number of requests that it answers. */
  readonly head?: { readonly isSecond?: boolean; readonly answers?: number };
  /** The reason why the requests of `answers` failed. */
  readonly failed?: string;
  readonly answers?: number;
  readonly web?: WebConfigJson;
  readonly webRefused?: string;
  /** The listening socket has been passed on, as a descriptor. */
  readonly handed?: true;
  /** The start is complete: says what is measured. */
  readonly measured?: string;
  /** The counting process answers REQUESTS.pulse. */
  readonly pulse?: true;
  /** Asks the serving process to show that it serves (REQUESTS.serves); then systemd gets READY=1 or WATCHDOG=1. */
  readonly prove?: true;
  readonly stop?: true;
}
