// SPDX-License-Identifier: Apache-2.0
// A small Linux guest: one of the lab's kernels, busybox, iperf3 and socat in an initrd. Commands go in by its second serial line.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { cachePath, pathOf } from '../../../test/host/need.ts';
import { writeArchive } from '../../vm/images.ts';
import type { Kernel } from '../../vm/kernels.ts';
import { SINK_PORT, SINK_TCP_PORT } from '../counted-traffic.ts';
import { FAR_INNER, NEAR_INNER } from '../places.ts';

const MODULES = ['virtio_pci', 'virtio_net'];
const ANSWERS_WITHIN_MS = 20_000;
/** Ends an answer; the exit status follows. */
const END = '=end=of=answer=';

/** IPv6 off: what the guest's kernel sends by itself would be counted among the test's packets. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod "$module"; done
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
ip addr add ${FAR_INNER}/24 dev eth0
ip link set eth0 up
ip route add default via ${NEAR_INNER}
iperf3 -s >/dev/null 2>&1 &
socat -u UDP4-RECV:${SINK_PORT},rcvbuf=2000000 OPEN:/dev/null &
socat -u TCP4-LISTEN:${SINK_TCP_PORT},fork,reuseaddr OPEN:/dev/null &
exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw -echo
while read -r number line; do eval "$line"; echo "${END}$number=$?"; done
`;

/** Made once for each kernel, of each release (others refuse its modules), and content. */
export async function guestInitrd(kernel: Kernel): Promise<string> {
  const version = createHash('sha256').update(INIT).digest('hex').slice(0, 12);
  const file = join(cachePath('programs'), `guest-${basename(kernel.directory)}-${version}.gz`);
  if (existsSync(file)) return file;
  await mkdir(dirname(file), { recursive: true });
  await writeArchive(file, kernel, INIT, MODULES, [
    '/bin/busybox',
    ...['iperf3', 'socat'].map((name) => pathOf(name) ?? name),
  ]);
  return file;
}

/** The guest's shell. One command at a time. */
export class GuestShell {
  readonly #socket: Socket;
  #heard = '';
  #commands = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#socket.setEncoding('utf8').on('data', (text: string) => {
      this.#heard += text.replaceAll('\r', '');
    });
    this.#socket.on('error', () => {});
  }

  run(command: string): Promise<string> {
    const answer = this.#last.then(() => this.#run(command));
    this.#last = answer.catch(() => {});
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #run(command: string): Promise<string> {
    this.#heard = '';
    // What a guest that was stopped answers later is not the answer to this.
    const number = ++this.#commands;
    this.#socket.write(`${number} ${command}\n`);
    const deadline = performance.now() + ANSWERS_WITHIN_MS;
    for (;;) {
      const [, text = '', status] = new RegExp(`^([\\s\\S]*?)${END}${number}=(\\d+)\\n`).exec(this.#heard) ?? [];
      if (status === '0') return text;
      if (status !== undefined) throw new Error(`The guest's "${command}" ended with ${status}: ${text}`);
      if (performance.now() > deadline) throw new Error(`The guest did not answer "${command}": ${this.#heard}`);
      await wait(20);
    }
  }
}
