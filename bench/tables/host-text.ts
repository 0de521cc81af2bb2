// SPDX-License-Identifier: Apache-2.0
// What changes the figures of the same kernel from one host to the next, in the words of the kernel.
import type { BenchHost } from '../bench-report.ts';

export function slowdownText({
  srso = 'the kernel does not say',
  mitigated,
  hardenedUsercopy,
  defaultQdisc = 'unknown',
}: Pick<BenchHost, 'srso' | 'mitigated' | 'hardenedUsercopy' | 'defaultQdisc'>): string {
  const usercopy = hardenedUsercopy === undefined ? 'unknown' : hardenedUsercopy ? 'on' : 'off';
  return `SRSO: ${srso}. Mitigated: ${mitigated.join(', ') || 'nothing'}. Hardened usercopy: ${usercopy}. Default qdisc: ${defaultQdisc}.`;
}
