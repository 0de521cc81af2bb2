// SPDX-License-Identifier: Apache-2.0
// Network namespaces that /proc knows: those of processes and those that are mounted. None is held open.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';

export interface NetworkNamespace {
  readonly inode: number;
  /** A path that leads to it now; it may be gone a moment later. */
  readonly path: string;
  /** Name of its mount (`ip netns`, container runtimes), if it has one. */
  readonly name: string | undefined;
}

export async function listNamespaces(): Promise<readonly NetworkNamespace[]> {
  const found = new Map<number, NetworkNamespace>();
  for (const namespace of await mountedNamespaces()) found.set(namespace.inode, namespace);
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = await inodeOf(path);
    if (inode !== undefined && !found.has(inode)) found.set(inode, { inode, path, name: undefined });
  }
  return [...found.values()];
}

/** The one that this process is in: entering it takes no right. */
export async function ownNamespace(): Promise<number | undefined> {
  return inodeOf('/proc/self/ns/net');
}

/** Names by inode number. */
export async function namespaceNames(): Promise<ReadonlyMap<number, string>> {
  const named = await mountedNamespaces();
  return new Map(named.flatMap(({ inode, name }) => (name === undefined ? [] : [[inode, name] as const])));
}

async function mountedNamespaces(): Promise<readonly NetworkNamespace[]> {
  const mounts = parseNamespaceMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const namespaces = await Promise.all(
    mounts.map(async ({ path, inode }) =>
      (await inodeOf(path)) === inode ? [{ inode, path, name: basename(path) }] : [],
    ),
  );
  return namespaces.flat();
}

/** Mounts of nsfs whose root is a network namespace: "… 0:4 net:[4026532251] /run/netns/blue … - nsfs …". */
export function parseNamespaceMounts(mountinfo: string): readonly { readonly path: string; readonly inode: number }[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, , , root = '', mountPoint = ''] = line.split(' ');
    const inode = /^net:\[(\d+)\]$/.exec(root)?.[1];
    return inode ? [{ path: unescapeOctal(mountPoint), inode: Number(inode) }] : [];
  });
}

function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch {
    return undefined; // the process ended, or is not ours to look at
  }
}
