// SPDX-License-Identifier: Apache-2.0
// Which parts of netfilter this kernel has loaded: to ask it for another would load that.
import { existsSync } from 'node:fs';
import { Btf } from './native.ts';

let isBuiltIn: boolean | undefined;

export function hasNfTables(): boolean {
  if (existsSync('/sys/module/nf_tables')) return true;
  if (isBuiltIn === undefined) {
    const types = Btf.kernel();
    isBuiltIn = types.functionArgs('nf_tables_getrule') !== undefined;
    types.close();
  }
  return isBuiltIn;
}

/** The ebtables that nf_tables does not know; built in, they cannot be seen. */
export function hasEbtables(): boolean {
  return ['ebtable_filter', 'ebtable_nat', 'ebtable_broute'].some((module) => existsSync(`/sys/module/${module}`));
}
