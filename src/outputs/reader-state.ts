// SPDX-License-Identifier: Apache-2.0
// What a reader did while its queue was full or stopped, in words that say what it waited for. Metrics and JSON have the kernel's view: waiting
// is TASK_RUNNING without a CPU.

/** For a sentence: 'waiting for a CPU'. */
export function stateInFull(state: string): string {
  return state === 'waiting' ? 'waiting for a CPU' : state;
}

/** For a narrow column: 'no CPU'. */
export function shortState(state: string): string {
  return state === 'waiting' ? 'no CPU' : state;
}
