// SPDX-License-Identifier: Apache-2.0
// The product's HTTP server with a made-up host behind it, and clients that ask it over real sockets.
import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { packageRoot } from '../../src/kernel/package.ts';
import { createObserver } from '../../src/server/observer.ts';
import { type RunningServer, type ServerDependencies, startServer } from '../../src/server/server.ts';
import { openWebConfig } from '../../src/server/web-config/file.ts';
import { goldenBuild, goldenSnapshot } from '../snapshots/golden-snapshot.ts';
import { heardLog } from './heard-log.ts';

export interface Endpoint {
  readonly server: RunningServer;
  readonly port: number;
}

export interface EndpointOptions {
  readonly webConfigFile?: string;
  readonly allowedHosts?: readonly string[];
  /** Takes the log; undefined: there is none. */
  readonly log?: (line: string) => void;
  readonly dependencies?: Partial<ServerDependencies>;
}

/** Serves on 127.0.0.1; every address 127.x.y.z is another client to it. */
export async function serveEndpoint(
  t: { after(undo: () => Promise<void>): void },
  { webConfigFile, allowedHosts = [], log, dependencies }: EndpointOptions = {},
): Promise<Endpoint> {
  const takeSnapshot = async () => ({ ...goldenSnapshot, takenAt: Date.now() / 1000 });
  const web = await openWebConfig(webConfigFile);
  const server = await startServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      allowedHosts: [...allowedHosts, hostname()],
      prometheus: { detail: 'cpu', build: goldenBuild },
      pageFolder: join(packageRoot(), 'dist/src/page'),
    },
    {
      log: heardLog({}, log),
      takeSnapshot,
      observer: createObserver(),
      web,
      notReady: () => undefined,
      ...dependencies,
    },
  );
  t.after(() => server.close());
  return { server, port: Number(server.address.split(':').at(-1)) };
}

/** A request with its options of TLS and http. It has a connection of its own unless it says otherwise. */
type Asked = RequestOptions & { readonly ca?: string; readonly cert?: string; readonly key?: string } & {
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
};

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The certificate's name. */
  readonly peer: string | undefined;
}

export function ask({ server, port }: Endpoint, path: string, options: Asked = {}): Promise<Answer> {
  const send = server.scheme === 'https' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = send({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      const peer = isTls(response.socket) ? response.socket.getPeerCertificate().subject?.CN : undefined;
      text(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, peer: peer?.toString() });
      }, reject);
    });
    asked.once('error', reject).end();
  });
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'getPeerCertificate' in socket;
}

/** What a raw socket hears until the other side closes it. */
export function speak(port: number, words: string | Buffer, from = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => socket.write(words));
    text(socket).then(resolve, reject);
  });
}

export function basic(user: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
