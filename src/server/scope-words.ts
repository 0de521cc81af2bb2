// SPDX-License-Identifier: Apache-2.0
// The devices that a command asks about, in the query of a request.

const word = { type: 'string', maxLength: 4096 } as const;
/** The properties of a Scope. */
export const SCOPE_WORDS = { device: word, vm: word, pod: word, process: word, netns: word };
