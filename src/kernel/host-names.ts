// SPDX-License-Identifier: Apache-2.0
// The names by which others know this host.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

interface HostNames {
  readonly hostName: string;
  /** That of machine-id(5), '' where there is none (in a container). */
  readonly hostId: string;
  /** Of the agent on it: a UUID that follows from hostId, or from the name where there is none. */
  readonly instanceId: string;
}

export function hostNames(hostName = hostname(), hostId = machineId()): HostNames {
  return { hostName, hostId, instanceId: uuidOf(hostId || hostName) };
}

/** OpenTelemetry's namespace for ids of service instances that follow from a machine id. */
const INSTANCES = Buffer.from('4d63009a8d0f11eeaad74c796ed8e320', 'hex');

/** UUID of version 5 (RFC 9562): the same after each start, and of no other host. */
function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(INSTANCES).update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
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
