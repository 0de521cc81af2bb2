// SPDX-License-Identifier: Apache-2.0
// The kernel functions by whose names people know flow control in tun, and what is attached for each of them on this kernel.
import type { Choice } from '../engine/attach.ts';
import type { LoadedPrograms } from '../engine/programs.ts';

interface KernelFunction {
  readonly name: string;
  /** Events that see what it does. */
  readonly events: readonly string[];
  /** Why the hooks are these. */
  readonly why: string;
}

interface AttachedFor extends Pick<KernelFunction, 'name' | 'why'> {
  /** Sections of the programs, as fentry/tun_net_xmit. */
  readonly hooks: readonly string[];
  /** Mechanisms that count without a hook, as consumed=arithmetic. */
  readonly instead: readonly string[];
}

const KERNEL_FUNCTIONS: readonly KernelFunction[] = [
  {
    name: 'tun_net_xmit',
    events: ['transmit', 'transmit-exit'],
    why: 'its entry counts what is offered; its exit is attached only while that is needed, because each packet pays for it',
  },
  {
    name: 'tun_ring_consume',
    events: ['consumed'],
    why: 'compilers inline it; since Linux 7.3 it calls __tun_wake_queue for each packet, and before what was taken is what entered less what waits',
  },
  {
    name: 'netif_tx_stop_queue',
    events: ['transmit-exit', 'stops'],
    why: 'it is inlined and sets one bit, which the exit of tun_net_xmit reads; before Linux 7.3 tun never stops a queue',
  },
  {
    name: 'netif_tx_wake_queue',
    events: ['stops'],
    why: 'every driver calls it, so it is attached only while a device has IFF_BACKPRESSURE',
  },
  {
    name: 'kfree_skb_reason',
    events: ['freed'],
    why: 'it is renamed and inlined from release to release; all its forms fire the tracepoint kfree_skb, with reason and caller',
  },
];

export function reportFunctions(
  choices: readonly Choice[],
  programs: LoadedPrograms | undefined,
): readonly AttachedFor[] {
  const sectionOf = (program: string): readonly string[] => {
    const found = programs?.objectOf(program).programs.find(({ name }) => name === program);
    return found ? [found.section] : [];
  };
  return KERNEL_FUNCTIONS.map(({ name, events, why }) => {
    const chosen = choices.flatMap(({ event, mechanism }) =>
      mechanism && events.includes(event.name) ? [{ event, mechanism }] : [],
    );
    const hooks = chosen.flatMap(({ mechanism }) => mechanism.programs.flatMap(sectionOf));
    const instead = chosen.filter(({ mechanism }) => mechanism.programs.length === 0 && mechanism.needs.length > 0);
    return {
      name,
      hooks: [...new Set(hooks)],
      instead: instead.map(({ event, mechanism }) => `${event.name}=${mechanism.name}`),
      why,
    };
  });
}
