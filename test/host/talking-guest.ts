// SPDX-License-Identifier: Apache-2.0
// A guest that talks to a service of its host, which takes all that it is sent: traffic from a device of which nothing is lost.
import type { TestReader, WriteCounts } from '../test-reader/test-reader.ts';
import { datagram, ethernet } from './frames.ts';
import { isEthernet, macOf, type NamespaceLab } from './netns.ts';

export const GUEST_ADDRESS = '10.77.255.2';
const HOST_ADDRESS = '10.77.255.1';
const PORT = 4242;
/** Nobody reads there: it has to hold all that a test sends. */
const ROOM_BYTES = 1 << 28;

/** Writes so many datagrams of `size` bytes to a queue. */
export type Talk = (queue: string, count: number, size?: number) => Promise<WriteCounts>;

/** The device leads to the guest's address from now on; the socket is the service's. */
export async function talkingGuest(
  lab: NamespaceLab,
  device: string,
  guest: TestReader,
  service: TestReader,
): Promise<Talk> {
  await lab.ip(`addr add ${HOST_ADDRESS} peer ${GUEST_ADDRESS} dev ${device}`);
  await service.listen(PORT, ROOM_BYTES);
  const mac = (await isEthernet(lab, device)) ? await macOf(lab, device) : undefined;
  return (queue, count, size = 64) => {
    const packet = datagram({ from: GUEST_ADDRESS, to: HOST_ADDRESS, port: PORT, size });
    return guest.frame(queue, count, mac === undefined ? packet : ethernet(mac, packet));
  };
}
