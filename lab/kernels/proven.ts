// SPDX-License-Identifier: Apache-2.0
// What lab/kernels/proof.guest.ts found on each kernel, and proven.json, which keeps it for docs/kernels.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, listAt, namesOf, numbersAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { grouped, markdown } from '../report/report.ts';
import { KERNELS } from '../vm/series.ts';

/** Begins the line that the VM prints. */
export const PROOF = 'kernel-proof ';

const file = join(import.meta.dirname, 'proven.json');

/** Packets of one scenario, and by how many what tapscope shows differs from the sender's and the kernel's counters. */
export interface Proof {
  readonly name: string;
  readonly packets: number;
  readonly offered: number;
  readonly dropped: number;
  readonly delivered: number;
  /** Packets of which tapscope knows the device and not the queue. They are in the device's figures. */
  readonly ofDeviceOnly: number;
  /** The device or one of its queues was marked as degraded. */
  readonly isMarked: boolean;
}

export interface Proven {
  /** `uname -r` */
  readonly release: string;
  /** The mechanism of each event; null: it is not measured. */
  readonly mechanisms: Readonly<Record<string, string | null>>;
  /** Features of the kernel that `doctor` missed. */
  readonly missing: readonly string[];
  readonly proofs: readonly Proof[];
}

/** Results by the kernel's name in lab/vm/series.ts. */
type Results = ReadonlyMap<string, Proven>;

/** Packets. */
export function differences({ offered, dropped, delivered }: Proof): number {
  return Math.abs(offered) + Math.abs(dropped) + Math.abs(delivered);
}

/** True where the figures are exact, or say themselves that they may not be. */
export function isHonest(proof: Proof): boolean {
  return proof.isMarked || differences(proof) === 0;
}

/** undefined: the VM has not printed it. */
export function provenOf(output: string): Proven | undefined {
  const line = output.split('\n').find((one) => one.includes(PROOF));
  return line === undefined ? undefined : checked(parseJson(line.slice(line.indexOf(PROOF) + PROOF.length)));
}

export function readResults(): Results {
  const all = parseJson(readFileSync(file, 'utf8'));
  return new Map(namesOf(Object(all)).map((name) => [name, checked(at(all, name))]));
}

export function writeResults(results: Results): void {
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(results), undefined, 2)}\n`);
}

function checked(one: unknown): Proven {
  const mechanisms = Object(at(one, 'mechanisms'));
  return {
    release: textAt(one, 'release'),
    mechanisms: Object.fromEntries(
      Object.keys(mechanisms).map((event) => [
        event,
        at(mechanisms, event) === null ? null : textAt(mechanisms, event),
      ]),
    ),
    missing: listAt(one, 'missing').map(String),
    proofs: listAt(one, 'proofs').map((proof) => ({
      name: textAt(proof, 'name'),
      ...numbersAt(proof, 'packets', 'offered', 'dropped', 'delivered', 'ofDeviceOnly'),
      isMarked: at(proof, 'isMarked') === true,
    })),
  };
}

// The section of docs/kernels.md: kernel, what is seen there, by which mechanism, and whether it is exact.
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
