// SPDX-License-Identifier: Apache-2.0
// Names of the kernel's enums that have no row in the table, each with the reason why no packet of a tap, tun or macvtap can meet it.

const BOUND = 'a bound or mask of the enum: no packet is freed with it';
const CAN = 'frames of a CAN bus: a tap has none';
const UNIX = 'messages of Unix sockets: they are on no device';

export const NOT_OF_TAPS: Readonly<Record<string, string>> = {
  NOT_DROPPED_YET: 'the packet was not dropped',
  CONSUMED: 'the packet reached its end; the kernel does not call that a drop',
  MAX: BOUND,
  SUBSYS_MASK: BOUND,
  QDISC_UNSPEC: 'a value that no qdisc has set yet',
  __QDISC_DROP_REASON: BOUND,
  QDISC_MAX: BOUND,
  UNIX_DISCONNECT: UNIX,
  UNIX_SKIP_OOB: UNIX,
  CAN_RX_INVALID_FRAME: CAN,
  CANFD_RX_INVALID_FRAME: CAN,
  CANXL_RX_INVALID_FRAME: CAN,
};
