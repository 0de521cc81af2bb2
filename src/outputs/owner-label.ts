// SPDX-License-Identifier: Apache-2.0
// The owner of a queue, in as few words as name it.
import { guestOf, type Owner } from '../snapshot/owner.ts';

/** 'VM web1 (qemu, pid 4242)', 'pod shop/web-0', 'openvpn (pid 312)'. */
export function whose({ pid, comm, identity }: Owner): string {
  const guest = guestOf(identity);
  const program = identity?.program || comm;
  return guest ? `${guest.join(' ')} (${program}, pid ${pid})` : `${program} (pid ${pid})`;
}
