// SPDX-License-Identifier: Apache-2.0
// Tells if the metrics are open to clients of other hosts.
import { formatAddress, isLoopback, type ListenAddress } from './listen-address.ts';
import type { WebConfig } from './web-config/web-config.ts';

/** One sentence: which addresses can read what; undefined: none can. */
export function exposure(listen: ListenAddress, { tls, users }: WebConfig): string | undefined {
  if (isLoopback(listen)) return undefined;
  const address = formatAddress(listen);
  if (users.size === 0 && !tls?.verifiesClients) {
    return `every client that reaches ${address} can read the metrics: set basic_auth_users in --web.config.file, or listen on 127.0.0.1.`;
  }
  if (tls === undefined) {
    return `passwords and metrics cross the network to ${address} unencrypted: set tls_server_config in --web.config.file.`;
  }
  return undefined;
}
