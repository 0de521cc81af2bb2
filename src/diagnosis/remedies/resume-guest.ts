// SPDX-License-Identifier: Apache-2.0
// How a virtual machine that is paused goes on, by what runs it.

import type { Remedy } from '../finding.ts';
import type { QueueSpan } from '../window.ts';
import { quoted } from './command.ts';
import { domainOf } from './guest-remedies.ts';

const HOST = { lossless: true, restart: false, by: 'host' } as const;
const ON_PURPOSE = 'Lets the VM run again, unless it was paused on purpose (a snapshot, a migration, a full disk).';

/** socat reads other characters of an address: `,` begins an option, `!!EXEC:` runs a program. */
const PLAIN_PATH = /^[\w./@+ -]+$/;

/** First the command that resumes it, then the one that says why it was paused. */
export function resumeGuest(queue: QueueSpan): readonly Remedy[] {
  const { owner } = queue.now;
  const domain = domainOf(queue);
  const monitor = owner?.monitor;
  // A VM that only carries a name like libvirt's has a monitor of its own; the monitor of a VM of libvirt belongs to libvirt alone.
  if (domain !== undefined && (!monitor || monitor.path.includes('/libvirt/')))
    return [
      { ...HOST, command: `virsh resume ${quoted(domain)}`, effect: ON_PURPOSE },
      { ...HOST, command: `virsh domstate --reason ${quoted(domain)}`, effect: 'Only looks: says why it is paused.' },
    ];
  if (owner && monitor && PLAIN_PATH.test(monitor.path)) {
    const isInside = owner.identity?.container || owner.identity?.pod;
    const socket = `UNIX-CONNECT:${isInside ? `/proc/${owner.pid}/root` : ''}${monitor.path}`;
    const say = (words: string): string => `${words} | timeout 10 socat -t2 - ${quoted(socket)}`;
    const ask = monitor.protocol === 'hmp' ? hmp : qmp;
    return [
      { ...HOST, command: say(ask('cont')), effect: ON_PURPOSE },
      {
        ...HOST,
        command: say(ask(monitor.protocol === 'hmp' ? 'info status' : 'query-status')),
        effect: 'Only looks: QEMU’s monitor says whether it is paused, and why.',
      },
    ];
  }
  return [
    {
      ...HOST,
      command: undefined,
      effect:
        owner?.identity?.program === 'qemu'
          ? `In QEMU’s monitor: info status says why it is paused, cont ends that. ${ON_PURPOSE}`
          : `Resume it with its monitor’s own tool. ${ON_PURPOSE}`,
    },
  ];
}

function hmp(command: string): string {
  return `echo ${command}`;
}

function qmp(command: string): string {
  return `printf '{"execute":"qmp_capabilities"}\\n{"execute":"${command}"}\\n'`;
}
