// SPDX-License-Identifier: Apache-2.0
// What a program of the host prints, if it ends in time.
import type { BenchSetup } from './bench-setup.ts';
import { startIn } from './virtual-machine/host-program.ts';

interface Printed {
  /** stdout and stderr. */
  readonly text: string;
  /** It was ended after `limit` seconds. */
  readonly isLate: boolean;
}

/** Runs it in the namespace of the traffic. Throws where the bench is interrupted. */
export async function programText(
  { traffic, interrupted }: Pick<BenchSetup, 'traffic' | 'interrupted'>,
  file: string,
  words: readonly string[],
  limit: number,
): Promise<Printed> {
  const program = startIn(traffic.namespace, file, words);
  let text = '';
  for (const stream of [program.child.stdout, program.child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  const end = (): void => void program.end();
  interrupted.addEventListener('abort', end);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, 1000 * limit);
  await program.ended;
  clearTimeout(timer);
  interrupted.removeEventListener('abort', end);
  interrupted.throwIfAborted();
  return { text, isLate };
}
