// SPDX-License-Identifier: Apache-2.0
// By which names others know this host.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** `hostId`: that of machine-id(5), '' where there is none (in a container). */
export function hostNames(): { readonly hostName: string; readonly hostId: string } {
  return { hostName: hostname(), hostId: machineId() };
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
