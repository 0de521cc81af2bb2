// SPDX-License-Identifier: Apache-2.0
// stdout and stderr of a process of the agent, in place of Node's own streams: those set O_NONBLOCK on a pipe that others share, or wait for its reader.
// Node looks at process.stderr by itself (node:assert, each socket that closes), so this module is loaded before others.
import { Writable } from 'node:stream';
import { SharedOutput } from './shared-output.ts';

export const ownOutputs = { stdout: new SharedOutput(1), stderr: new SharedOutput(2) };

for (const name of ['stdout', 'stderr'] as const) {
  const stream = new Writable({
    write: (bytes, _, done) => {
      ownOutputs[name].write(String(bytes));
      done();
    },
  });
  Object.defineProperty(process, name, { value: stream, configurable: true });
}
