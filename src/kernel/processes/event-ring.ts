// SPDX-License-Identifier: Apache-2.0
// libuv from 1.45 on may make an io_uring when it starts, and aborts where that is refused later: Debian 13's Node.js does.
import { readdirSync, readlinkSync } from 'node:fs';

/** libuv's own switch, which it reads when it starts. */
const SWITCH = 'UV_USE_IO_URING';

/** Tells whether this process has a ring. Processes that it starts have none. */
export function keepRingFromChildren(): boolean {
  process.env[SWITCH] = '0';
  return readdirSync('/proc/self/fd').some((fd) => target(fd) === 'anon_inode:[io_uring]');
}

function target(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // that by which the folder was read
  }
}
