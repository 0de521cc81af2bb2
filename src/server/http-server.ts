// SPDX-License-Identifier: Apache-2.0
// The listening socket's side of HTTP: what a client may take its time for, and what it hears when it does not speak HTTP.
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import { limitConnections } from './connections.ts';
import { acceptsClient, type TlsSettings } from './web-config/tls.ts';

/** Far more than there are Prometheus servers, far fewer than there are descriptors. */
const mostConnections = { total: 2000, each: 500 };

const requestMs = 10_000;
const patience: ServerOptions = {
  headersTimeout: requestMs,
  requestTimeout: requestMs,
  // Between two scrapes, even slow ones, Prometheus keeps its connection.
  keepAliveTimeout: 72_000,
  // Each look wakes the process, at rest too. A request that does not come is cut off after so much longer at most.
  connectionsCheckingInterval: 5000,
  maxHeaderSize: 16 * 1024,
};

/** Longer than any page may take: only one that neither reads nor writes is cut off. */
const silenceMs = 130_000;

/** `tls` gives the newest settings; undefined: plain HTTP. */
export function createHttpServer(handler: RequestListener, tls: () => TlsSettings | undefined): Server {
  const settings = tls();
  const server = settings === undefined ? createServer(patience, handler) : secureServer(handler, settings);
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const newest = tls();
    if (newest === undefined || !acceptsClient(newest, socket)) socket.destroy();
  });
  limitConnections(server, mostConnections);
  server.setTimeout(silenceMs);
  return server;
}

function secureServer(handler: RequestListener, { context, asksClients }: TlsSettings): Server {
  // The newest settings decide which clients are accepted, not those of the start.
  const clients = { requestCert: asksClients, rejectUnauthorized: false, handshakeTimeout: 10_000 };
  return createTlsServer({ ...patience, ...context, ...clients }, handler);
}

/** For connections from now on; those there are go on with what they have. */
export function renewCertificate(server: Server, settings: TlsSettings | undefined): void {
  if (server instanceof TlsServer && settings !== undefined) server.setSecureContext(settings.context);
}

const answers: Readonly<Record<string, readonly [status: string, line: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The header of this request is longer than 16 KiB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'This request took longer than 10 s to arrive.'],
};

/** Answers what is no HTTP request, and a request that does not come. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  const [status, line] = answers[error.code ?? ''] ?? ['400 Bad Request', 'This is not an HTTP request.'];
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const body = `${line}\n`;
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff`;
  socket.end(`${head}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`, () => socket.destroy());
}
