// SPDX-License-Identifier: Apache-2.0
// A device as a port of a bridge: whether the bridge forwards anything to it.

/** BR_STATE_…, uapi/linux/if_bridge.h, in the kernel's order. */
export const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;
export type PortState = (typeof PORT_STATES)[number];

export interface BridgePort {
  /** The bridge's name. */
  readonly bridge: string;
  readonly bridgeUp: boolean;
  readonly state: PortState;
  /** Who decides the state: only the operator, the kernel, or a daemon. */
  readonly stp: 'off' | 'kernel' | 'user';
  /** Passes only frames of VLANs that a port allows; undefined: an older recording. */
  readonly filtersVlans?: boolean;
  /** Of its ports, those that are isolated neither send to each other nor hear each other. */
  readonly isolated: boolean;
  /** Others of this bridge that are; 0 where it is not isolated itself. */
  readonly isolatedBeside: number;
  /** Learns the addresses behind it. */
  readonly learns: boolean;
  /** Is sent what goes to an address that the bridge does not know. */
  readonly floods: boolean;
}
