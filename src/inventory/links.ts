// SPDX-License-Identifier: Apache-2.0
// Devices as rtnetlink shows them, namespace by namespace: the inventory where the walk cannot run. It knows no rings.
import { listNamespaces, type NetworkNamespace, ownNamespace } from '../kernel/namespaces.ts';
import { type Link, readLinks } from '../kernel/rtnetlink.ts';
import { type Device, NO_DEVICE } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import { NO_QUEUE, type Queue } from '../snapshot/queue.ts';
import type { Owners } from './owners.ts';

export interface LinkInventory {
  readonly devices: readonly Device[];
  /** Namespaces that were seen and could not be read. */
  readonly unresolved: number;
}

const IFF_UP = 1;

export async function readLinkInventory(owners: Owners): Promise<LinkInventory> {
  const devices: Device[] = [];
  let unresolved = 0;
  const own = await ownNamespace();
  // One after the other: each dump takes the lock (RTNL) that every start of a VM needs.
  for (const namespace of await listNamespaces()) {
    const links = await tryReadLinks(namespace, own);
    if (links) devices.push(...links.flatMap((link) => deviceOf(namespace.inode, link, owners)));
    else unresolved++;
  }
  return { devices, unresolved };
}

async function tryReadLinks(
  { path, inode }: NetworkNamespace,
  own: number | undefined,
): Promise<readonly Link[] | undefined> {
  try {
    return await readLinks(own === inode ? undefined : path);
  } catch {
    return undefined; // gone meanwhile, or no right to enter: counted by the caller
  }
}

function deviceOf(netns: number, link: Link, owners: Owners): readonly Device[] {
  if (!link.tun) return [];
  return [
    {
      ...NO_DEVICE,
      netns,
      name: link.name,
      ifindex: link.ifindex,
      id: `${netns}:${link.ifindex}`,
      kind: link.tun.type,
      up: (link.flags & IFF_UP) !== 0,
      carrier: link.operstate !== 'down' && link.operstate !== 'lowerlayerdown',
      multiQueue: link.tun.multiQueue,
      persistent: link.tun.persist,
      vnetHeader: link.tun.vnetHdr,
      queueLength: link.txqlen,
      qdisc: link.qdisc,
      flowControl: undefined, // no netlink attribute tells
      queues: link.tun.multiQueue ? [] : ownedQueue(owners.ofQueue(netns, link.name)),
      attachedQueues: link.tun.numQueues,
      detachedQueues: link.tun.numDisabledQueues,
      counters: link.stats64,
    },
  ];
}

/** All that is known of a single queue here is who holds it. */
function ownedQueue(owner: Owner | undefined): readonly Queue[] {
  return owner ? [{ ...NO_QUEUE, index: 0, owner }] : [];
}
