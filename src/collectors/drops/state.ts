// SPDX-License-Identifier: Apache-2.0
// Packets that the host drops before they belong to a device.

/** Dropped before the host chose an output device: any of them may have been on its way to a tap. */
export interface UnroutedDrop {
  /** Inode number of the namespace that it came into. */
  readonly netns: number;
  readonly reason: string;
  readonly location: string;
  readonly packets: number;
}
