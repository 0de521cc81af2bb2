// SPDX-License-Identifier: Apache-2.0
// How the person who reads our texts starts this program. The launchers know (deploy/launch.mjs, by TAPSCOPE_COMMAND); until someone says it, and
// wherever texts are compared or read elsewhere (recordings, generated pages), it is the plain name.
let name = 'tapscope';

/** `as`: a command of a shell; '' or undefined: the plain name. */
export function callTapscope(as: string | undefined): void {
  name = as || 'tapscope';
}

/** `tapscope WORDS`, as it is to be typed. */
export function tapscope(words: string): string {
  return `${name} ${words}`;
}

/** The command is one of ours. */
export function isTapscope(command: string): boolean {
  return command.startsWith(tapscope(''));
}
