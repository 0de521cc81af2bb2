// SPDX-License-Identifier: Apache-2.0
// Where QEMU's monitor listens, as its command line says. A pure function of untrusted text.
import type { Monitor } from '../snapshot/owner.ts';
import { qemuOption, valuesAfter } from './command-line.ts';

/** The human monitor first: its words need no handshake. undefined: none listens on a unix socket with an absolute path. */
export function monitorOf(args: readonly string[]): Monitor | undefined {
  const found = [
    ...valuesAfter(args, 'monitor').map((device) => of('hmp', unixPath(device))),
    ...['qmp', 'qmp-pretty'].flatMap((key) => valuesAfter(args, key)).map((device) => of('qmp', unixPath(device))),
    ...valuesAfter(args, 'mon').map((mon) => {
      const protocol = qemuOption(mon, 'mode', false) === 'control' ? 'qmp' : 'hmp';
      return of(protocol, chardevPath(args, qemuOption(mon, 'chardev', true)));
    }),
  ].flatMap((monitor) => monitor ?? []);
  return found.find(({ protocol }) => protocol === 'hmp') ?? found[0];
}

function of(protocol: Monitor['protocol'], path: string | undefined): Monitor | undefined {
  return path?.startsWith('/') ? { protocol, path } : undefined;
}

/** `unix:/run/vm.sock,server=on,wait=off` */
function unixPath(device: string): string | undefined {
  return device.startsWith('unix:') && isServer(device) ? qemuOption(device.slice(5), 'path', true) : undefined;
}

/** `socket,id=mon,path=/run/vm.sock,server=on` */
function chardevPath(args: readonly string[], id: string): string | undefined {
  const chardev = valuesAfter(args, 'chardev').find((value) => qemuOption(value, 'id', false) === id);
  return chardev?.startsWith('socket,') && isServer(chardev) ? qemuOption(chardev, 'path', false) : undefined;
}

function isServer(options: string): boolean {
  return /,server(?:=(?:on|yes))?(?:,|$)/.test(options);
}
