// SPDX-License-Identifier: Apache-2.0
// The user of the serving process, where the agent is root: it owns nothing.
import { readFileSync } from 'node:fs';

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The name of the user, where there is one. */
const NAME = 'tapscope';
/**
 * Users that systemd and Debian leave to no one (systemd's UIDS-GIDS.md). The user 65534 will not do: other programs have it too,
 * and processes of one user may kill each other.
 */
const FREE = { first: 65_521, last: 65_531 };
/** capability.h: CAP_SETGID, CAP_SETUID */
const NEEDED = (1n << 6n) | (1n << 7n);

/** undefined: this process may not change its user, or is not root. */
export function servingUser(): User | undefined {
  if (process.geteuid?.() !== 0 || !mayChangeUser(read('/proc/self/status'))) return undefined;
  const user = userOf(read('/etc/passwd'));
  return isMapped(read('/proc/self/uid_map'), user.uid) && isMapped(read('/proc/self/gid_map'), user.gid)
    ? user
    : undefined;
}

/** `passwd`: passwd(5). */
export function userOf(passwd: string): User {
  const entries = passwd.split('\n').map((line) => line.split(':'));
  const [, , uid, gid] = entries.find(([name]) => name === NAME) ?? [];
  if (Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) };
  const taken = new Set(entries.flatMap(([, , user, group]) => [Number(user), Number(group)]));
  let free = FREE.first;
  while (taken.has(free) && free < FREE.last) free += 1;
  return { uid: free, gid: free };
}

/** `status`: /proc/PID/status. */
export function mayChangeUser(status: string): boolean {
  const [, effective] = /^CapEff:\s*([\da-f]+)$/m.exec(status) ?? [];
  return effective !== undefined && (BigInt(`0x${effective}`) & NEEDED) === NEEDED;
}

/** `map`: user_namespaces(7): first inside, first outside, how many. A user who is not in it cannot be become. */
export function isMapped(map: string, id: number): boolean {
  return map.split('\n').some((line) => {
    const [first = Number.NaN, , count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= first && id < first + count;
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
