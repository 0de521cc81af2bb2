// SPDX-License-Identifier: Apache-2.0
// Where systemd runs the agent, each of its two processes has a unit: a user of its own and the sandbox that fits it. The first one asks for the
// second by connecting to a socket of systemd, and sends it its ends of the two sockets between them.
import { closeSync, readSync, writeSync } from 'node:fs';
import { execArgv, execPath } from 'node:process';
import { ownLog } from '../../log/log.ts';
import { errnoOf } from '../error-name.ts';
import { packageRoot } from '../package.ts';
import { landlock, withLandlock } from './landlock.ts';
import {
  becomeConfined,
  connectUnix,
  peerOf,
  type Reach,
  receiveDescriptor,
  sendDescriptor,
} from './native-processes.ts';
import { leave } from './own-end.ts';
import { readableFiles } from './readable-files.ts';

/** sd_listen_fds(3): the first descriptor that systemd passes. */
const CONNECTION = 3;
/** At once. It writes one, but code of an intruder could write without end. */
const MOST_HEARD_BYTES = 16;

export interface End {
  readonly how: string;
  readonly code: number | undefined;
}

/** The second process as the first one knows it. */
export interface Life {
  readonly isChild: boolean;
  readonly pid: () => number | undefined;
  /** False: this process may not. */
  readonly kill: () => boolean;
  /** undefined: it runs. */
  readonly end: () => End | undefined;
  /** When all that it wrote has been passed on. */
  readonly outputsEnd: Promise<void>;
}

/** The socket by which systemd starts the second process; undefined: this process starts it. */
export function servingUnit(): string | undefined {
  return process.env.TAPSCOPE_SERVING_UNIT || undefined;
}

export function startedBySystemd(path: string, theirs: readonly number[], ports: Reach['ports']): Life {
  const connection = connectUnix(path);
  let pid: number | undefined;
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    closeSync(connection);
  };
  const look = (): void => {
    for (let bytes = 0; bytes < MOST_HEARD_BYTES && !isClosed; bytes += 1) {
      const peer = peerOf(connection);
      if (peer === undefined) break;
      if (peer > 0) pid = peer;
      else close();
    }
    // systemd may hold the connection for longer than the process lives.
    if (!isClosed && pid !== undefined && hasEnded(pid)) close();
  };
  try {
    writeSync(connection, `${JSON.stringify(ports)}\n`);
    for (const descriptor of theirs) sendDescriptor(connection, descriptor);
  } catch (error) {
    closeSync(connection);
    throw error;
  }
  return {
    isChild: false,
    outputsEnd: Promise.resolve(), // systemd passes it on
    pid: () => {
      look();
      return pid;
    },
    // Another user's process: systemd kills it when this one has ended, and starts this one again (tapscope.service: ExecStopPost).
    kill: () => {
      ownLog().sayLast('The process that answers requests must end, and does not: systemd starts both again.');
      return process.kill(process.pid, 'SIGKILL');
    },
    end: () => {
      look();
      return isClosed ? { how: "see 'journalctl -t tapscope'", code: undefined } : undefined;
    },
  };
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
}

/** Runs in the second process: the two sockets that the first one sent; undefined: systemd did not start it. */
export function givenBySystemd(): readonly [number, number] | undefined {
  if (!process.env.TAPSCOPE_SERVED_BY_UNIT) return undefined;
  const given = process.env.LISTEN_PID === String(process.pid);
  if (given && !process.env.TAPSCOPE_CONFINED) confineTo(nextLine(CONNECTION));
  const [channel, descriptors] = given ? [receiveDescriptor(CONNECTION), receiveDescriptor(CONNECTION)] : [];
  // Started by hand, or left over from a connection that has ended: the agent asks for one of its own.
  if (channel === undefined || descriptors === undefined) leave(0);
  writeSync(CONNECTION, '\n'); // whose process it is, the kernel adds
  return [channel, descriptors];
}

/**
 * Landlock's rules are a thread's, and Node has begun with several: it begins again under them. A child has them from the start.
 * `ports`: as the first process wrote them; '': it has ended.
 */
function confineTo(ports: string): void {
  if (ports === '' || !landlock().files) return;
  process.env.TAPSCOPE_CONFINED = 'yes';
  const reach = { readable: readableFiles(packageRoot(), true), ports: JSON.parse(ports) };
  try {
    withLandlock(() => becomeConfined([execPath, ...execArgv, ...process.argv.slice(1)], reach));
  } catch (error) {
    ownLog().sayLast(error instanceof Error ? error.message : String(error));
    leave(1);
  }
}

/** Byte by byte: a read of more would swallow the descriptors behind it. '': no whole line is there. */
function nextLine(connection: number): string {
  const byte = Buffer.alloc(1);
  let line = '';
  try {
    while (readSync(connection, byte) === 1) {
      if (byte.toString() === '\n') return line;
      line += byte.toString('latin1');
    }
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
  }
  return '';
}
