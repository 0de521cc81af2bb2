// SPDX-License-Identifier: Apache-2.0
// Where a program runs: `near` has the device that is judged, `far` what lies beyond the program, `source` sends through `near`.
import { type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import { type Started, startProcess } from './process.ts';

export interface Stage {
  readonly near: NamespaceLab;
  readonly far: NamespaceLab;
  /** A neighbour of `near` that has it as its router. */
  readonly source: NamespaceLab;
  start(lab: NamespaceLab | undefined, ...words: readonly string[]): Started;
  after(undo: () => Promise<unknown>): void;
}

/** The network under the tunnels. */
export const NEAR = '10.9.0.1';
export const FAR = '10.9.0.2';
/** On the device, and beyond it. */
export const NEAR_INNER = '10.99.0.1';
export const FAR_INNER = '10.99.0.2';
export const SOURCE = '10.8.0.2';
export const SOURCE_NET = '10.8.0.0/24';

export async function makeStage(t: { after(undo: () => Promise<void>): void }): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step().catch(() => {});
  });
  const [near, far, source] = [await namespaceLab(t), await namespaceLab(t), await namespaceLab(t)];
  await cable(near, `${NEAR}/24`, far, `${FAR}/24`, 'wan0');
  await cable(near, '10.8.0.1/24', source, `${SOURCE}/24`, 'lan0');
  await near.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await source.ip('route add default via 10.8.0.1');
  const after = (step: () => Promise<unknown>): void => void undo.push(step);
  return {
    near,
    far,
    source,
    start: (lab, ...words) => startProcess({ after: (step) => after(async () => step()) }, lab?.name, words),
    after,
  };
}

async function cable(
  one: NamespaceLab,
  address: string,
  other: NamespaceLab,
  peer: string,
  name: string,
): Promise<void> {
  await one.ip(`link add ${name} type veth peer name ${name} netns ${other.name}`);
  await one.ipBatch([`link set ${name} up`, `addr add ${address} dev ${name}`]);
  await other.ipBatch([`link set ${name} up`, `addr add ${peer} dev ${name}`]);
}
