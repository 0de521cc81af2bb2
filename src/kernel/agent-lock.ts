// SPDX-License-Identifier: Apache-2.0
// One agent on a host: a second one would only make every packet pay twice. The kernel's lock on a file in a folder that
// only root (or the service's user) opens: no other user can take it, and it goes with the process, however that ends.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, rmSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './error-name.ts';
import { lockFile } from './native.ts';
import { isTrusted, privateFolder } from './private-folder.ts';

export const AGENT_LOCK = '/run/tapscope/lock';
/** Another agent may start, or root may clear the folder, between two of our steps. */
const TRIES = 5;
/** systemd clears the folder when a unit that could not start ends, and starts it again after 5 s. */
const LOOK_EVERY_MS = 2000;
/** The errors for users without the right to the folder. */
const NOT_ALLOWED = ['EACCES', 'EPERM', 'EROFS'];

interface AgentLock {
  /** Why this user has none, in a sentence; undefined: it is held. */
  readonly missing: string | undefined;
  readonly close: () => void;
}

/** Throws one sentence if another agent holds the lock, or if another user could take it away. `say`: of a lock that is lost later. */
export function claimHost(say: (error: Error) => unknown, path = AGENT_LOCK): AgentLock {
  try {
    return keep(take(path), path, say);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (!NOT_ALLOWED.includes(errno)) throw error;
    // A user without rights counts no packet, so nothing is counted twice.
    const missing = `The agent's lock ${path} cannot be opened (${errno}), so a second agent could start beside this one: start it as root; in a container, mount the host's ${dirname(path)}.`;
    return { missing, close: () => undefined };
  }
}

/** The process that holds the lock, by the kernel, also where it does not answer; undefined: none, or this user may not know. */
export function agentPid(path = AGENT_LOCK): number | undefined {
  try {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return holderOf(readFileSync('/proc/locks', 'utf8'), dev, ino);
  } catch {
    return undefined;
  }
}

/** `locks`: proc_locks(5), '1: FLOCK ADVISORY WRITE 708 00:19:1573 0 EOF', with the device in hexadecimal digits. */
export function holderOf(locks: string, dev: bigint, ino: bigint): number | undefined {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  const file = [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
  for (const line of locks.split('\n')) {
    const [, kind, , , pid, inode] = line.split(/\s+/);
    if (kind === 'FLOCK' && inode === `${file}:${ino}`) return Number(pid);
  }
  return undefined;
}

/** A descriptor that holds the lock of the file that `path` names. */
function take(path: string): number {
  privateFolder(dirname(path));
  for (let i = 0; i < TRIES; i++) {
    clearForeign(path);
    const fd = openSync(path, constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    const isOurs = lockFile(fd);
    if (isOurs && isNamed(path, fd)) return fd;
    closeSync(fd);
    if (!isOurs) throw new Error(secondAgent(agentPid(path)));
  }
  throw new Error(`The agent's lock ${path} is replaced again and again by another program.`);
}

/** What another user left there while the folder was open: a file that it may hold, a link, a folder. */
function clearForeign(path: string): void {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (seen && !isLock(seen)) rmSync(path, { recursive: true });
}

function isLock(seen: Stats): boolean {
  return seen.isFile() && seen.nlink === 1 && (seen.mode & 0o077) === 0 && isTrusted(seen.uid);
}

function isNamed(path: string, fd: number): boolean {
  const [named, held] = [lstatSync(path, { throwIfNoEntry: false }), fstatSync(fd)];
  return named !== undefined && named.ino === held.ino && named.dev === held.dev;
}

function keep(first: number, path: string, say: (error: Error) => unknown): AgentLock {
  let fd = first;
  let isLost = false;
  const timer = setInterval(() => {
    try {
      if (isNamed(path, fd)) return;
      const next = take(path);
      closeSync(fd);
      fd = next;
      isLost = false;
    } catch (error) {
      if (!isLost && error instanceof Error)
        say(new Error(`The agent's lock ${path} was removed and cannot be taken again: ${error.message}`));
      isLost = true;
    }
  }, LOOK_EVERY_MS).unref();
  return {
    missing: undefined,
    close: () => {
      clearInterval(timer);
      closeSync(fd);
    },
  };
}

function secondAgent(pid: number | undefined): string {
  return `Another tapscope agent runs on this host${pid ? ` (pid ${pid})` : ''}, and two would count everything twice at twice the price; stop it, or scrape that one.`;
}
