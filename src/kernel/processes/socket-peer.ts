// SPDX-License-Identifier: Apache-2.0
// Who may ask on the unix socket: root, the agent's own user, and one group if the operator says so. The path's mode keeps others out; the
// kernel's word on each connection (SO_PEERCRED) does too, where a mode was changed or a descriptor was handed on.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { unixPeer } from './native-processes.ts';

export interface Group {
  readonly name: string;
  readonly gid: number;
}

interface AllowedPeers {
  /** The user of the agent. */
  readonly uid: number;
  readonly group?: Group;
}

/** undefined: it may ask. Else one sentence for it. */
export function refusalOf(socket: Socket, { uid, group }: AllowedPeers): string | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const descriptor: unknown = handle instanceof Object ? Reflect.get(handle, 'fd') : undefined;
  if (typeof descriptor !== 'number' || descriptor < 0) return 'This connection has ended.';
  const peer = unixPeer(descriptor);
  if (peer.uid === 0 || peer.uid === uid || (group && peer.groups.includes(group.gid))) return undefined;
  const others = group ? ` and members of the group ${group.name}` : '';
  return `This socket answers root${others} only, and user ${peer.uid} asked: use sudo.`;
}

/** `text`: a name or a number; `groups`: group(5). Throws one sentence. */
export function groupOf(text: string, groups = readFileSync('/etc/group', 'utf8')): Group {
  const entries = groups.split('\n').map((line) => line.split(':'));
  const [name = text, , gid = /^\d+$/.test(text) ? text : undefined] =
    entries.find(([name, , gid]) => name === text || gid === text) ?? [];
  if (gid === undefined)
    throw new Error(`--socket-group=${text} is no group of /etc/group: make it (groupadd ${text}).`);
  return { name, gid: Number(gid) };
}
