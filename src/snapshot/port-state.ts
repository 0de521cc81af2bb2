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
  /** The port is isolated: isolated ports of one bridge forward nothing to each other. */
  readonly isolated: boolean;
  /** The number of other isolated ports on this bridge; 0 if this port is not isolated. */
  readonly isolatedBeside: number;
  /** Learns the addresses behind it. */
  readonly learns: boolean;
  /** Is sent what goes to an address that the bridge does not know. */
  readonly floods: boolean;
}
