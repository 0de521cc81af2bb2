// SPDX-License-Identifier: Apache-2.0
// The operator's list of tenants: one line each, `vm web1 acme`.
import { typedName } from '../foreign-name.ts';
import type { Identity } from '../snapshot/owner.ts';

/** The properties of an identity by which a line may name a guest. */
const KINDS = ['vm', 'uuid', 'pod', 'container', 'unit'] as const;
type Kind = (typeof KINDS)[number];

/** Characters; a label is no place for a longer text. */
export const LONGEST_TENANT = 128;

export type TenantMap = ReadonlyMap<string, string>;

/** One sentence that names the line. */
export class TenantMapError extends Error {}

/** Throws TenantMapError. */
export function parseTenantMap(file: string, text: string): TenantMap {
  const tenants = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    const [kind = '', name = '', tenant = '', ...more] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (kind === '') continue;
    const isKnown = KINDS.some((known) => known === kind);
    if (!isKnown || tenant === '' || more.length > 0 || tenant.length > LONGEST_TENANT)
      throw new TenantMapError(
        `--tenant-map=${file}, line ${index + 1}: expected one of ${KINDS.join(', ')}, a name and a tenant of at most ${LONGEST_TENANT} characters, as in 'vm web1 acme'.`,
      );
    tenants.set(`${kind} ${typedName(name)}`, typedName(tenant));
  }
  return tenants;
}

/** '': the map does not have it. The most exact name counts: a container's before its pod's. */
export function tenantIn(map: TenantMap, identity: Identity): string {
  const order: readonly Kind[] = ['uuid', 'vm', 'container', 'pod', 'unit'];
  for (const kind of order) {
    const tenant = identity[kind] && map.get(`${kind} ${identity[kind]}`);
    if (tenant) return tenant;
  }
  return '';
}
