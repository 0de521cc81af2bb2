// SPDX-License-Identifier: Apache-2.0
// The capabilities that the process that counts keeps. A service has no others; root, who starts it by hand, has all, and gives the rest up.
import { CAPABILITIES } from '../host.ts';
import { keepCapabilities } from './native-processes.ts';

/** Numbers of capability.h. The serving process needs these while it begins: for its user, a port of the system, and the priority of its session. */
const TO_START = { CAP_SETGID: 6, CAP_SETUID: 7, CAP_NET_BIND_SERVICE: 10, CAP_SYS_NICE: 23 };
/** Ends a process that serves and hangs: it is another user's. */
const CAP_KILL = 5;
/** Gives the unix socket to a group that this process is not in. */
const CAP_CHOWN = 0;

interface Duties {
  readonly startsProcesses: boolean;
  readonly hasGroup: boolean;
}

export function keepRights(duties: Duties): void {
  keepCapabilities(keptNumbers(duties));
}

export function keptNumbers({ startsProcesses, hasGroup }: Duties): readonly number[] {
  return [
    ...Object.values(CAPABILITIES).map(({ bit }) => bit),
    ...(startsProcesses ? [...Object.values(TO_START), CAP_KILL] : []),
    ...(hasGroup ? [CAP_CHOWN] : []),
  ];
}
