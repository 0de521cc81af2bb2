// SPDX-License-Identifier: Apache-2.0
// Network namespaces that /proc knows: those of processes and those that are mounted. None is held open.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { bytesOfName } from '../foreign-name.ts';
import { mountPoint } from './mount-point.ts';

export interface NetworkNamespace {
  readonly inode: number;
  /** A path that leads to it now, as src/foreign-name.ts writes it; it may be gone a moment later. */
  readonly path: string;
}

export async function listNamespaces(): Promise<readonly NetworkNamespace[]> {
  const found = new Map<number, NetworkNamespace>();
  for (const namespace of await mountedNamespaces()) found.set(namespace.inode, namespace);
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = await inodeOf(path);
    if (inode !== undefined && !found.has(inode)) found.set(inode, { inode, path });
  }
  return [...found.values()];
}

/** The one that this process is in: entering it takes no right. */
export async function ownNamespace(): Promise<number | undefined> {
  return inodeOf('/proc/self/ns/net');
}

/** Paths of those that are mounted (`ip netns`, container runtimes), by inode number. */
export async function namespacePaths(): Promise<ReadonlyMap<number, string>> {
  return new Map((await mountedNamespaces()).map(({ inode, path }) => [inode, path]));
}

/** The name of its mount. */
export function namespaceName(path: string): string {
  return basename(path);
}

async function mountedNamespaces(): Promise<readonly NetworkNamespace[]> {
  const mounts = parseNamespaceMounts(await readFile('/proc/self/mountinfo', 'latin1'));
  const namespaces = await Promise.all(
    mounts.map(async (mount) => ((await inodeOf(mount.path)) === mount.inode ? [mount] : [])),
  );
  return namespaces.flat();
}

/**
 * Mounts of nsfs whose root is a network namespace: "… 0:4 net:[4026532251] /run/netns/blue … - nsfs …". Those of
 * `ip netns` last: where one has several, that is its name. `mountinfo`: read as Latin-1.
 */
export function parseNamespaceMounts(mountinfo: string): readonly NetworkNamespace[] {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [, , , root = '', path = ''] = line.split(' ');
    const inode = /^net:\[(\d+)\]$/.exec(root)?.[1];
    return inode ? [{ path: mountPoint(path), inode: Number(inode) }] : [];
  });
  const rank = ({ path }: NetworkNamespace): number => Number(dirname(path) === '/run/netns');
  return mounts.sort((a, b) => rank(a) - rank(b));
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(Buffer.from(bytesOfName(path)))).ino;
  } catch {
    return undefined; // the process ended, or is not ours to look at
  }
}
