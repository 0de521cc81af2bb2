// SPDX-License-Identifier: Apache-2.0
// The section of docs/kernels.md: kernel, what is seen there, by which mechanism, and whether it is exact.
import { grouped, markdown } from '../report/report.ts';
import { KERNELS } from '../vm/series.ts';
import { differences, type Proof, type Proven, type Results } from './proven.ts';

const WORDS: Readonly<Record<string, string>> = { none: '–', waiting: 'fentry, on demand' };

export function kernelsSection(results: Results): string {
  const known = KERNELS.flatMap(({ name, standsFor }) => {
    const proven = results.get(name);
    return proven ? [{ name, standsFor, proven }] : [];
  });
  return [
    markdown([
      ['kernel', 'release', 'stands for', 'packets sent', 'differences', 'figures'],
      ...known.map(({ name, standsFor, proven }) => [
        `Linux ${name}`,
        `\`${proven.release}\``,
        standsFor,
        proven.proofs.length === 0 ? '–' : grouped(sum(proven.proofs, ({ packets }) => packets)),
        proven.proofs.length === 0 ? '–' : String(sum(proven.proofs, differences)),
        figuresOf(proven),
      ]),
    ]),
    markdown([
      ['kernel', 'offered', 'taken out of the ring', 'drop reasons', 'stops', 'vhost-net', 'refused writes', 'owners'],
      ...known.map(({ name, proven: { mechanisms } }) => [
        `Linux ${name}`,
        ...['transmit', 'consumed', 'freed', 'stops', 'vhost', 'refused', 'owners'].map((event) =>
          mechanisms[event] === null
            ? 'not measured'
            : (WORDS[mechanisms[event] ?? 'none'] ?? String(mechanisms[event])),
        ),
      ]),
    ]),
  ].join('\n\n');
}

function figuresOf({ proofs, missing }: Proven): string {
  if (proofs.length === 0) return `of devices only (rtnetlink); missing: ${missing.join(', ')}`;
  const marked = proofs.filter(({ isMarked }) => isMarked).length;
  const unseen = sum(proofs, ({ ofDeviceOnly }) => ofDeviceOnly);
  if (marked === 0) return unseen === 0 ? 'exact' : `exact; ${grouped(unseen)} packets of the device only`;
  return marked === proofs.length
    ? 'marked as degraded'
    : `marked as degraded in ${marked} of ${proofs.length} scenarios`;
}

function sum(proofs: readonly Proof[], value: (proof: Proof) => number): number {
  return proofs.reduce((total, proof) => total + value(proof), 0);
}
