// SPDX-License-Identifier: Apache-2.0
// `tapscope --version`.
import { readPackage } from '../kernel/package.ts';

export function version(): string {
  return readPackage().version;
}
