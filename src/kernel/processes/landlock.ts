// SPDX-License-Identifier: Apache-2.0
// Whether the kernel confines the process that answers requests, and what to say where it does not.
import { constants } from 'node:os';
import { landlockVersion } from './native-processes.ts';

/** The first version that knows TCP ports (Linux 6.7). */
const PORTS_SINCE = 4;
/** Node.js has no name for it. */
const ENOSYS = 38;

interface Landlock {
  readonly files: boolean;
  readonly ports: boolean;
  /** Why there is none, and what to do; undefined: it is there. */
  readonly missing?: string;
}

export function landlock(version = landlockVersion()): Landlock {
  return {
    files: version > 0,
    ports: version >= PORTS_SINCE,
    ...(version <= 0 && { missing: whyMissing(-version) }),
  };
}

function whyMissing(error: number): string {
  if (error === ENOSYS) return 'this kernel is built without it (CONFIG_SECURITY_LANDLOCK, Linux 5.13 or later)';
  if (error === constants.errno.EOPNOTSUPP)
    return "this kernel has it switched off: add landlock to lsm= of the kernel's command line";
  return 'a sandbox around tapscope, as the seccomp profile of a container, forbids landlock_create_ruleset: allow it';
}

/** Sets the rules by `start`, whose error says no more than what the kernel said. */
export function withLandlock<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('set the rules of Landlock')) throw error;
    throw new Error(
      `The kernel has Landlock and refuses the rules for the process that answers requests (${error.message}). It does not start without them: start tapscope outside of the sandbox that is around it, or have that allow landlock_* and fewer than 16 sandboxes in each other.`,
      { cause: error },
    );
  }
}
