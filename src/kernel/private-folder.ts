// SPDX-License-Identifier: Apache-2.0
// The folder of the agent's lock and socket: other users of the host can neither look into it nor put anything there.
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { errnoOf } from './error-name.ts';

/** Users that systemd makes up for units with DynamicUser=yes; no tenant has one of these numbers. */
const DYNAMIC_USERS = { first: 61_184, last: 65_519 };

/** The agent's lock and socket may belong to root, to our own user, or to the user that systemd gave the service. */
export function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.() || (uid >= DYNAMIC_USERS.first && uid <= DYNAMIC_USERS.last);
}

/** Makes it, or closes what another program made for us. Throws one sentence if another user could change what is in it. */
export function privateFolder(folder: string): void {
  make(folder);
  const seen = lstatSync(folder);
  const remove = `Remove it (rm -r ${folder}); the agent makes its own.`;
  if (!seen.isDirectory()) {
    const kind = seen.isSymbolicLink() ? 'a symbolic link' : 'no directory';
    throw new Error(`${folder} is ${kind}, and the agent keeps its lock and socket there. ${remove}`);
  }
  if (!isTrusted(seen.uid))
    throw new Error(`${folder} belongs to user ${seen.uid}, who could replace the agent's lock and socket. ${remove}`);
  if (seen.uid === process.geteuid?.()) {
    if (seen.mode & 0o077) chmodSync(folder, 0o700);
  } else if (seen.mode & 0o022)
    throw new Error(
      `Other users may write to ${folder}, and could replace the agent's lock and socket: chmod 0700 ${folder}.`,
    );
}

function make(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
