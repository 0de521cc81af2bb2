// SPDX-License-Identifier: Apache-2.0
// How many connections there are: a new client is always let in, in place of the one that has waited longest without a request.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { clientOf } from './request-limits.ts';

interface MostConnections {
  readonly total: number;
  /** The limit for one address. */
  readonly each: number;
}

/** One connection, which may have two sockets: TCP's, and that of TLS in it. */
interface Connection {
  readonly key: string | Socket;
  readonly client: string;
  socket: Socket;
  requests: number;
}

/** Connections of one client, or of all: `busy` have an answer under way. The oldest in its state comes first. */
interface Pool {
  readonly idle: Set<Connection>;
  readonly busy: Set<Connection>;
}

export function limitConnections(server: Server, { total, each }: MostConnections): void {
  const known = new Map<string | Socket, Connection>();
  const all: Pool = { idle: new Set(), busy: new Set() };
  const clients = new Map<string, Pool>();

  function poolsOf({ client }: Connection): readonly Pool[] {
    const own = clients.get(client) ?? { idle: new Set(), busy: new Set() };
    clients.set(client, own);
    return [all, own];
  }

  function place(connection: Connection, where: 'idle' | 'busy' | undefined): void {
    for (const pool of poolsOf(connection)) {
      pool.idle.delete(connection);
      pool.busy.delete(connection);
      if (where !== undefined) pool[where].add(connection);
    }
    const own = clients.get(connection.client);
    if (own && sizeOf(own) === 0) clients.delete(connection.client);
  }

  function forget(connection: Connection): void {
    known.delete(connection.key);
    place(connection, undefined);
  }

  function makeRoom(client: string): void {
    const own = clients.get(client);
    const crowded = own !== undefined && sizeOf(own) >= each ? own : sizeOf(all) >= total ? all : undefined;
    if (!crowded) return;
    const [victim = crowded.busy.values().next().value] = crowded.idle;
    if (!victim) return;
    forget(victim);
    victim.socket.destroy();
  }

  server.prependListener('connection', (socket: Socket) => {
    const client = clientOf(socket.remoteAddress) ?? '';
    makeRoom(client);
    const connection = { key: keyOf(socket), client, socket, requests: 0 };
    known.set(connection.key, connection);
    place(connection, 'idle');
    socket.once('close', () => forget(connection));
  });
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const connection = known.get(keyOf(socket));
    if (!connection) return;
    connection.socket = socket;
    socket.once('close', () => forget(connection));
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = known.get(keyOf(socket));
    if (!connection) return;
    connection.requests += 1;
    place(connection, 'busy');
    response.once('close', () => {
      connection.requests -= 1;
      if (connection.requests === 0 && known.get(connection.key) === connection) place(connection, 'idle');
    });
  });
}

/** Both sockets of a connection have the port of the other side; those of a unix socket have none. */
function keyOf(socket: Socket): string | Socket {
  return socket.remotePort === undefined
    ? socket
    : `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}

function sizeOf({ idle, busy }: Pool): number {
  return idle.size + busy.size;
}
