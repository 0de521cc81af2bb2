// SPDX-License-Identifier: Apache-2.0
// Remedies for a reader that a signal, a debugger or the freezer keeps from running, and how to see which of them does.
import type { Halt, Owner } from '../../snapshot/owner.ts';
import type { Remedy } from '../finding.ts';
import { operand } from './command.ts';

const HOST = { lossless: true, restart: false, by: 'host' } as const;

export function resumeReader(owner: Owner, halt: Halt | undefined): readonly Remedy[] {
  const { pid } = owner;
  const proceed = (effect: string): Remedy => ({ ...HOST, command: `kill -CONT ${pid}`, effect });
  if (halt?.tracer) return [whoTraces(halt.tracer, pid)];
  if (halt?.by === 'freezer') return [thaw(owner), whichIsFrozen(pid)];
  if (halt?.by === 'signal')
    return [proceed('Resumes the reader. First ask who stopped it: the kernel notes no sender.'), aroundIt(owner)];
  return [
    proceed('Resumes the reader. First see who stopped it; thaw a frozen cgroup instead.'),
    {
      ...HOST,
      command: `ps -o pid,ppid,stat,wchan:16,cmd -p ${pid}; grep Tracer /proc/${pid}/status`,
      effect:
        'T: a signal stopped it. t: the debugger of that number, if it is not 0. do_freezer_trap: its cgroup is frozen.',
    },
  ];
}

/** Its unit's log tells who acted on it; else its parent may. */
function aroundIt({ pid, identity, uses }: Owner): Remedy {
  const { unit = '' } = identity ?? {};
  if (/\.(service|scope)$/.test(unit))
    return { ...HOST, command: `systemctl status ${operand(unit)}`, effect: 'Shows its unit, and what was logged.' };
  return {
    ...HOST,
    command: `ps -o pid,ppid,user,tty,lstart,stat,cmd -p ${[pid, ...(uses?.parent ? [uses.parent] : [])].join(',')}`,
    effect: 'Shows it and its parent: a shell with job control, a supervisor or a script may have sent the signal.',
  };
}

function whoTraces(tracer: { readonly pid: number }, pid: number): Remedy {
  return {
    ...HOST,
    command: `ps -o pid,ppid,user,tty,lstart,cmd -p ${tracer.pid}`,
    effect: `Shows the debugger and whose it is: have it continue or detach. One that only watches (strace) stops nothing: kill -CONT ${pid}`,
  };
}

function thaw({ pid, identity }: Owner): Remedy {
  const { runtime = '', container = '', unit = '' } = identity ?? {};
  const effect = 'Thaws the reader with all of its cgroup. First ask who froze it: a backup, a snapshot, an operator.';
  if (container !== '' && (runtime === 'docker' || runtime === 'podman'))
    return { ...HOST, command: `${runtime} unpause ${operand(container)}`, effect };
  if (/\.(service|scope)$/.test(unit)) return { ...HOST, command: `systemctl thaw ${operand(unit)}`, effect };
  // nocreat: a shell’s > would make a plain file where the group is in another place, and report success.
  return { ...HOST, command: `echo 0 | dd conv=nocreat status=none of="${cgroupOf(pid)}/cgroup.freeze"`, effect };
}

function whichIsFrozen(pid: number): Remedy {
  return {
    ...HOST,
    command: `cat /proc/${pid}/cgroup`,
    effect: 'Names its cgroup: below /sys/fs/cgroup, that one or one above has a 1 in cgroup.freeze.',
  };
}

/** For a shell. */
function cgroupOf(pid: number): string {
  return `/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/${pid}/cgroup)`;
}
