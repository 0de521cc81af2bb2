// SPDX-License-Identifier: Apache-2.0
// What code that breaks into the process that answers requests could reach beyond that process, in sentences for `doctor`.
import type { OtlpEndpoint } from './otlp/otlp-endpoint.ts';
import { otlpPorts } from './otlp/otlp-proxy.ts';

/** What the kernel's Landlock limits. */
interface Limits {
  readonly files: boolean;
  readonly ports: boolean;
  /** Why it limits nothing. */
  readonly missing?: string;
}

/** `collector`: undefined: none is configured, and the process makes no sockets. */
export function openingsOf(
  collector: Pick<OtlpEndpoint, 'url' | 'proxy'> | undefined,
  { files, ports, missing }: Limits,
): readonly string[] {
  const read = `the process that answers requests may read every file that all users may (no Landlock: ${missing}).`;
  const found = files ? [] : [read];
  if (!collector) return found;
  const tcp = ports
    ? `TCP ports ${listed(otlpPorts(collector.url, collector.proxy))}`
    : 'any TCP port (Landlock limits ports from Linux 6.7 on)';
  return [
    ...found,
    `for --otlp the process that answers requests can send UDP to any address, and connect to ${tcp} of any address.`,
  ];
}

/** '53, 443 and 4318'. */
function listed(numbers: readonly number[]): string {
  return numbers.join(', ').replace(/, (\d+)$/, ' and $1');
}
