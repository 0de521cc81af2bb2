// SPDX-License-Identifier: Apache-2.0
// Remedies for the process that reads a queue, with its own names and numbers.

import { workerOf } from '../../snapshot/queue.ts';
import { isGuest } from '../evidence/full-ring.ts';
import { fullTime } from '../evidence/full-time.ts';
import { haltOf, readerUse } from '../evidence/reader-use.ts';
import { vcpuSpan } from '../evidence/vcpus.ts';
import type { Remedy } from '../finding.ts';
import { readerThread } from '../format.ts';
import type { QueueSpan, Window } from '../window.ts';
import { operand, quoted } from './command.ts';
import { domainOf, moveGuest } from './guest-remedies.ts';
import { resumeReader } from './halted-remedies.ts';

const HOST = { lossless: true, restart: false, by: 'host' } as const;

/** Remedies for a reader that takes nothing. */
export function wakeReader(queue: QueueSpan, isStopped: boolean): readonly Remedy[] {
  const { owner } = queue.now;
  const domain = domainOf(queue);
  const resume: Remedy = {
    ...HOST,
    command: `virsh domstate --reason ${quoted(domain ?? '')}`,
    effect: `Says whether the VM is paused; if so: virsh resume ${quoted(domain ?? '')}`,
  };
  const guests: Remedy = {
    command: 'ip -br link; ip link set eth0 up',
    effect:
      'In the guest: shows its interfaces and brings one up. Name its own; none is listed if the driver is not loaded.',
    lossless: true,
    restart: false,
    by: 'guest',
  };
  const runs = !isStopped && (vcpuSpan(queue)?.ranSeconds ?? 0) > 0;
  const restart: Remedy = {
    command: undefined,
    effect: isGuest(queue)
      ? 'If the VM is meant to run: look at its console for a driver that is not loaded; restart it if its VMM hangs.'
      : 'If it is meant to run and hangs: restart it.',
    lossless: false,
    restart: true,
    by: isGuest(queue) ? 'guest' : 'host',
  };
  return [
    ...(owner && isStopped ? resumeReader(owner, haltOf(queue)) : []),
    ...(runs ? [guests] : domain === undefined ? [] : [resume]),
    ...(isStopped ? [] : lookAtReader(queue)),
    restart,
  ];
}

/** Remedies for a reader of which more has to be known. */
export function lookAtReader({ now: { owner } }: QueueSpan): readonly Remedy[] {
  if (!owner) return [];
  return [
    {
      ...HOST,
      command: `ps -L -o pid,tid,stat,etime,pcpu,wchan:24,comm -p ${owner.pid}`,
      effect: 'Shows what each of its threads waits for: T is stopped, R with full CPU spins, S sleeps.',
    },
  ];
}

/** Remedies for a reader that waits for a CPU. */
export function giveCpu(queue: QueueSpan): readonly Remedy[] {
  const { owner } = queue.now;
  const worker = workerOf(queue.now);
  const thread = readerThread(queue);
  const target = thread === undefined ? (owner ? `-apc %s ${owner.pid}` : undefined) : `-pc %s ${thread}`;
  const id = thread ?? owner?.pid;
  if (target === undefined || id === undefined) return [];
  const busy = worker?.cpu;
  // A thread that may also run on the busy CPU can be left waiting there.
  const others = `$(seq 0 $(($(nproc --all) - 1)) | grep -vx ${busy} | paste -sd,)`;
  const cpus = busy === undefined ? '0-$(($(nproc --all) - 1))' : others;
  const which = busy === undefined ? 'every CPU, if it is tied to a busy one' : `every CPU but ${busy}, where it waits`;
  const domain = domainOf(queue);
  const move: Remedy =
    domain === undefined
      ? {
          ...HOST,
          command: `taskset ${target.replace('%s', cpus)}`,
          effect: `Lets it run on ${which}. Name a free CPU where CPUs are set apart. “Invalid argument”: first its cgroup’s cpuset.cpus.`,
        }
      : moveGuest(domain, cpus, which);
  // A thread that may run on every CPU gains nothing by being allowed to.
  const isFree = readerUse(queue)?.isBound === false;
  return [
    ...(isFree ? [] : [move]),
    ...(worker && owner ? giveGuestCpu(queue, owner.pid) : []),
    {
      ...HOST,
      command: thread === undefined ? `renice -n -10 -p $(ls /proc/${owner?.pid}/task)` : `renice -n -10 -p ${thread}`,
      effect: 'Puts it before other threads; does not help against real-time ones.',
    },
  ];
}

/** Remedies for a worker that slept, because its guest's vCPUs waited. */
function giveGuestCpu(queue: QueueSpan, pid: number): readonly Remedy[] {
  const domain = domainOf(queue);
  const look: Remedy = {
    ...HOST,
    command: `ps -L -o tid,psr,stat,pcpu,time,comm -p ${pid}`,
    effect:
      'If that changes nothing: shows its vCPUs. One in R at each sample whose CPU time does not grow waits for the CPU in PSR.',
  };
  const pin: Remedy = {
    ...HOST,
    command: `virsh vcpupin ${quoted(domain ?? '')}`,
    effect: 'Lists the CPUs of each vCPU; where those are busy, vcpupin DOMAIN VCPU CPUS --live gives it others.',
  };
  return domain === undefined ? [look] : [look, pin];
}

/** Remedies for a reader whose cgroup has used up its CPU time. */
export function raiseQuota(queue: QueueSpan, { agent }: Window): readonly Remedy[] {
  const { owner } = queue.now;
  const { runtime = '', container = '', pod = '', unit = '' } = owner?.identity ?? {};
  const domain = domainOf(queue);
  const others = 'Takes the CPU limit away; what else is on the host may feel that.';
  if (domain !== undefined)
    return [
      {
        ...HOST,
        command: `virsh schedinfo ${quoted(domain)} --live --set vcpu_quota=-1 emulator_quota=-1`,
        effect: others,
      },
    ];
  if (pod !== '' && runtime !== 'podman')
    return [
      {
        ...HOST,
        command: undefined,
        restart: true,
        effect: `Raise limits.cpu of pod ${pod}: vCPUs and I/O threads share it.`,
      },
    ];
  if (container !== '' && (runtime === 'docker' || runtime === 'podman'))
    return [{ ...HOST, command: `${runtime} update --cpu-quota -1 ${operand(container)}`, effect: others }];
  if (unit.endsWith('.service'))
    return [{ ...HOST, command: `systemctl set-property --runtime ${operand(unit)} CPUQuota=`, effect: others }];
  if (!owner) return [];
  const { version = 2, root = '/sys/fs/cgroup' } = agent.cpuCgroup ?? {};
  const [unlimited, group, file] =
    version === 1
      ? [-1, "sed -nE 's/^[0-9]+:([^:]*,)?cpu(,[^:]*)?://p'", 'cpu.cfs_quota_us']
      : ['max', "sed -n 's/^0:://p'", 'cpu.max'];
  // nocreat: where the group is in another place, this fails; a shell's > would make a plain file and report success.
  const command = `echo ${unlimited} | dd conv=nocreat status=none of=${quoted(root)}"$(${group} /proc/${owner.pid}/cgroup)/${file}"`;
  return [{ ...HOST, command, effect: `${others} A group above it may have a limit of its own.` }];
}

/** Remedies for a reader that is too slow, by its state while the queue was full or stopped. */
export function hasten(queue: QueueSpan, window: Window): readonly Remedy[] {
  const time = fullTime(queue);
  if ((time?.share('throttled') ?? 0) > 0.5) return raiseQuota(queue, window);
  return (time?.share('waiting') ?? 0) > 0.5 ? giveCpu(queue) : lookAtReader(queue);
}
