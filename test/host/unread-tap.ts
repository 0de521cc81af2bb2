// SPDX-License-Identifier: Apache-2.0
// A tap that nobody reads, with a ring of 10 packets.
import type { TestReader } from '../test-reader/test-reader.ts';
import { namespaceLab } from './netns.ts';

interface UnreadTap {
  readonly testReader: TestReader;
  /** An address behind it. */
  readonly peer: string;
  /** Labels of its queue. */
  readonly queue: Readonly<Record<'netns' | 'device' | 'queue', string>>;
}

export async function unreadTap(t: { after(undo: () => Promise<void>): void }): Promise<UnreadTap> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('0', 'vnet0', 'tap');
  const peer = await lab.raise('vnet0', 10);
  return { testReader, peer, queue: { netns: String(lab.inode), device: 'vnet0', queue: '0' } };
}
