// SPDX-License-Identifier: Apache-2.0
/** This kernel or this machine does not have what a configuration needs; the message is the reason, without its full stop. */
export class CannotAttach extends Error {}
