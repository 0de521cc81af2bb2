// SPDX-License-Identifier: Apache-2.0
// The names by which others know this host.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** `hostId`: that of machine-id(5), '' where there is none (in a container). */
export function hostNames(): { readonly hostName: string; readonly hostId: string } {
  return { hostName: hostname(), hostId: machineId() };
}

/** The names by which DNS knows it: its own, and that in the domains in which this host looks others up. */
export function ownNames(): readonly string[] {
  const name = hostname();
  return name.includes('.')
    ? [name, name.split('.')[0] ?? name]
    : [name, ...searched().map((domain) => `${name}.${domain}`)];
}

function searched(): readonly string[] {
  try {
    const lines = readFileSync('/etc/resolv.conf', 'utf8').matchAll(/^(?:search|domain)\s+(.*)$/gm);
    return [...lines].flatMap(([, domains = '']) => domains.split(/\s+/)).filter((domain) => /^[^.]/.test(domain));
  } catch {
    return [];
  }
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
