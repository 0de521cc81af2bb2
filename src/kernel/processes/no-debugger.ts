// SPDX-License-Identifier: Apache-2.0
// SIGUSR1 makes Node open its debugger on 127.0.0.1:9229, where every user of the host could run code with our rights. With a handler of ours it does not.
// The first import of each process: until it is loaded, for some 30 ms of the start, the signal still does.

process.on('SIGUSR1', () => undefined);
