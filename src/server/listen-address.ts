// SPDX-License-Identifier: Apache-2.0
// Where the server listens, written as for other exporters: 127.0.0.1:9000, [::1]:9000, localhost:9000, :9000 for every address.
// Brackets may hold an address of IPv4 too, as in Go's exporters: a pod's manifest cannot know which its node has.
import { isIP, isIPv6 } from 'node:net';

export interface ListenAddress {
  /** undefined: every address of the host. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

const pattern = /^(?:\[(?<address>[^\]]+)\]|(?<name>[^:[\]\s]*)):(?<port>\d{1,5})$/;

export function parseListenAddress(text: string): ListenAddress {
  const { address, name, port } = pattern.exec(text)?.groups ?? {};
  const valid = port !== undefined && Number(port) <= 65_535 && (address === undefined || isIP(address) > 0);
  if (!valid) {
    throw new Error(
      `cannot listen on "${text}": not an address and port; write for example 127.0.0.1:10747, [::1]:10747 or :10747 (every address).`,
    );
  }
  const host = address ?? name;
  return { host: host === '' ? undefined : host, port: Number(port) };
}

export function formatAddress({ host, port }: ListenAddress): string {
  if (host === undefined) return `:${port}`;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback({ host }: ListenAddress): boolean {
  return host !== undefined && (host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host));
}

/** One sentence on why the agent cannot listen there. */
export function listenError(address: ListenAddress, cause: unknown): Error {
  const text = formatAddress(address);
  return new Error(`cannot listen on ${text}: ${reason(address, errorCode(cause), String(cause))}`, { cause });
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function reason({ host, port }: ListenAddress, code: string, otherwise: string): string {
  const another = 'or choose another with --web.listen-address.';
  switch (code) {
    case 'EADDRINUSE':
      return `another program listens there already; "ss -ltnp sport = :${port}" names it: stop it, ${another}`;
    case 'EACCES':
      return `ports below 1024 need root or CAP_NET_BIND_SERVICE: grant it, ${another}`;
    case 'EADDRNOTAVAIL':
      return `this host has no such address; "ip address" lists those it has: take one of them, ${another}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${host} has no address: write the address itself, ${another}`;
    default:
      return `${otherwise}; choose another address with --web.listen-address.`;
  }
}
