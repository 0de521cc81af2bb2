// SPDX-License-Identifier: Apache-2.0
// The API socket as an agent has it, with both of its halves in one process.
import { ApiSocket } from '../../src/kernel/processes/api-socket.ts';
import type { AgentSelf } from '../../src/server/agent-self.ts';
import type { ApiDependencies } from '../../src/server/api.ts';
import { type RunningSocket, serveSocket } from '../../src/server/socket.ts';

/** Throws one sentence if it cannot be made. */
export async function startLocalApi(
  path: string,
  api: ApiDependencies,
  describe?: () => AgentSelf | null,
): Promise<RunningSocket> {
  let serving: Promise<RunningSocket> | undefined;
  const socket = new ApiSocket(path, undefined, (descriptor) => {
    const before = serving;
    serving = serveSocket(descriptor, api, describe);
    void before?.then(({ close }) => close());
  });
  try {
    await socket.open();
    await serving;
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    close: async () => {
      socket.close();
      await (await serving)?.close();
    },
  };
}
