// SPDX-License-Identifier: Apache-2.0
// `tapscope --version`, and what else a figure must be told with.
import { release } from 'node:os';
import { readPackage } from '../kernel/package.ts';

export function version(): string {
  return readPackage().version;
}

export function thisHost(): { readonly kernel: string; readonly version: string } {
  return { kernel: release(), version: version() };
}
