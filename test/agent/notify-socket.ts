// SPDX-License-Identifier: Apache-2.0
// The socket by which systemd hears of a service, as sd_notify(3) has it. Node has no unix datagrams: Python receives them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Scope } from '../host/scope.ts';

/** The kernel says who sent: SO_PASSCRED, as systemd asks for it. */
const RECEIVE = `
import json, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1].replace('@', '\\0', 1))
print(json.dumps({'lines': [], 'pid': 0}), flush=True)
while True:
    text, more, _, _ = s.recvmsg(65536, 256)
    print(json.dumps({'lines': text.decode().split('\\n'), 'pid': struct.unpack('3i', more[0][2])[0]}), flush=True)
`;

export interface Notification {
  readonly atMs: number;
  readonly pid: number;
  readonly lines: readonly string[];
}

/** What came so far; grows. `address`: a path, or an abstract name with '@'. */
export async function notifySocket(t: Scope, address: string): Promise<readonly Notification[]> {
  const child = spawn('/usr/bin/python3', ['-c', RECEIVE, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
  });
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout });
  const heard: Notification[] = [];
  await once(lines, 'line');
  lines.on('line', (line) => heard.push({ ...JSON.parse(line), atMs: performance.now() }));
  return heard;
}
