// SPDX-License-Identifier: Apache-2.0
// A second process of this program, and the two sockets that lead to it: the only program that the agent starts is itself.
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { execArgv, execPath, stderr, stdout } from 'node:process';
import { finished } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { OutputLimits, OutputLines } from '../../log/log-limits.ts';
import { errnoOf } from '../error-name.ts';
import { withLandlock } from './landlock.ts';
import {
  endOfSecondProcess,
  type Reach,
  receiveDescriptor,
  sendDescriptor,
  socketPair,
  startSecondProcess,
} from './native-processes.ts';
import { type End, givenBySystemd, type Life, servingUnit, startedBySystemd } from './serving-unit.ts';

/** The numbers that these have in the second process. */
const CHANNEL = 3;
const DESCRIPTORS = 4;
const LOOK_EVERY_MS = 10;
const END_WITHIN_MS = 1000;

export interface SecondProcess {
  /** undefined: it has not begun. */
  readonly pid: () => number | undefined;
  readonly channel: Socket;
  /** Passes the descriptor on, and closes this process' copy; where the other has ended, closes it only. */
  readonly hand: (descriptor: number) => void;
  readonly kill: () => void;
  /** How it ended: 'exit code 1', 'signal SIGKILL'; with the code, if that is all. */
  readonly ended: Promise<End>;
}

/** `file`: of this program, as Node takes it. Throws if it cannot be started. */
export function startSecond(file: string, reach: Reach): SecondProcess {
  const channels = socketPair();
  const descriptors = pairBeside(channels);
  const theirs = [channels[1], descriptors[1]];
  let life: Life;
  try {
    const path = servingUnit();
    life = path === undefined ? forked(file, theirs, reach) : startedBySystemd(path, theirs, reach.ports);
  } catch (error) {
    for (const fd of [channels[0], descriptors[0]]) closeSync(fd);
    throw error;
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
  let isOpen = true;
  const channel = new Socket({ fd: channels[0] });
  channel.on('error', () => undefined); // its end is seen by what follows: the channel closes
  const ended = new Promise<void>((resolve) => channel.once('close', () => resolve())).then(async () => {
    isOpen = false;
    closeSync(descriptors[0]);
    const closedMs = performance.now();
    for (;;) {
      const end = life.end();
      if (end !== undefined) {
        await life.outputsEnd;
        return end;
      }
      // It closed its end and stays: nothing would tell it anything any more.
      if (performance.now() - closedMs > END_WITHIN_MS) life.kill();
      await wait(LOOK_EVERY_MS);
    }
  });
  return {
    pid: life.pid,
    channel,
    ended,
    hand: (descriptor) => {
      try {
        if (isOpen) sendDescriptor(descriptors[0], descriptor);
      } catch (error) {
        // The process has ended, which is reported elsewhere.
        if (errnoOf(error) !== 'EPIPE') throw error;
      } finally {
        closeSync(descriptor);
      }
    },
    // A process that this one may not signal ends with its channel.
    kill: () => {
      if (!life.isChild || !life.kill()) channel.destroy();
    },
  };
}

/** Where no descriptor is left for it, it leaves the other pair none either. */
function pairBeside(other: readonly number[]): [number, number] {
  try {
    return socketPair();
  } catch (error) {
    for (const fd of other) closeSync(fd);
    throw error;
  }
}

/**
 * The C library gives threads an arena each, from which little memory comes back: 12 MiB of a process that serves. What one that starts finds
 * in its environment counts; deploy/tapscope-serving@.service has it too.
 */
const ONE_ARENA = { MALLOC_ARENA_MAX: '1' };

/** A child of this process. */
function forked(file: string, theirs: readonly number[], reach: Reach): Life {
  Object.assign(process.env, ONE_ARENA);
  const { pid, outputs } = withLandlock(() => startSecondProcess(execPath, [...execArgv, file], theirs, reach));
  return {
    isChild: true,
    outputsEnd: passOn(outputs),
    pid: () => pid,
    kill: () => {
      try {
        return process.kill(pid, 'SIGKILL');
      } catch (error) {
        // A container without CAP_KILL: it is another user's.
        if (errnoOf(error) !== 'EPERM') throw error;
        return false;
      }
    },
    end: () => {
      const status = endOfSecondProcess(pid);
      return status === undefined ? undefined : endOf(status);
    },
  };
}

/** It has no descriptor of a terminal or of a log: what it writes comes by two pipes. Resolves when both have ended. */
async function passOn([out, error]: readonly [number, number]): Promise<void> {
  const limits = new OutputLimits();
  const ends = [
    { fd: out, into: stdout },
    { fd: error, into: stderr },
  ].map(({ fd, into }) => {
    const lines = new OutputLines(limits, (line) => into.write(line));
    const pipe = new Socket({ fd, readable: true, writable: false }).on('data', (bytes) => lines.take(bytes));
    return finished(pipe, { writable: false })
      .catch(() => undefined)
      .then(() => lines.end());
  });
  await Promise.all(ends);
}

/** Runs in the second process: gives the socket to the first, and the next descriptor that it sent. */
export function firstProcess(): { readonly channel: Socket; readonly nextDescriptor: () => number | undefined } {
  const [channel, descriptors] = givenBySystemd() ?? [CHANNEL, DESCRIPTORS];
  return { channel: new Socket({ fd: channel }), nextDescriptor: () => receiveDescriptor(descriptors) };
}

/** `status`: of wait(2). */
function endOf(status: number): End {
  const signal = status & 0x7f;
  const code = (status >> 8) & 0xff;
  if (signal === 0) return { how: `exit code ${code}`, code };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return { how: `signal ${name ?? signal}`, code: undefined };
}
