// SPDX-License-Identifier: Apache-2.0
// Programs of the host that `tapscope bench` starts for TCP streams: QEMU, iperf3, and what finds and unpacks the guest's modules.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const MOST_OUTPUT = 64 << 20;

/**
 * The program must not outlive the bench, however that ends: descriptor 3 is a pipe that closes with it. PR_SET_PDEATHSIG
 * was tried: after nsenter it does not reach the program.
 */
const GUARD = `
exec 9<&0
"$@" <&9 9<&- 3<&- &
program=$!
{ cat <&3; kill -9 $program; } >/dev/null 2>&1 9<&- &
exec 3<&- 9<&-
wait $program
`;
/** Descriptors of the child: stdin, stdout, stderr, the guard's pipe, and a file that the program reads. */
const GUARDED = 3;

/** Code PROGRAM: the host does not have it, and the message says so. */
export function programPath(name: string, packageName: string): string {
  const file = FOLDERS.map((folder) => `${folder}/${name}`).find(existsSync);
  if (file === undefined) throw lacking(`this host has no ${name}: apt install ${packageName}`);
  return file;
}

/** An error of code PROGRAM: what this host cannot do, in a sentence without its end. */
export function lacking(sentence: string, cause?: unknown): Error {
  return Object.assign(new Error(sentence, { cause }), { code: 'PROGRAM' });
}

export async function outputOf(file: string, words: readonly string[]): Promise<Buffer> {
  const { stdout } = await run(file, [...words], { encoding: 'buffer', maxBuffer: MOST_OUTPUT });
  return stdout;
}

export interface HostProgram {
  readonly child: ChildProcess;
  /** Resolves with its exit status; null: a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Kills it, if it still runs. */
  end(): Promise<void>;
}

/** Starts a program in a network namespace. `descriptor` is its descriptor 4. */
export function startIn(namespace: string, file: string, words: readonly string[], descriptor?: number): HostProgram {
  // A process group of its own: Ctrl-C is for the bench, which ends its programs itself.
  const child = spawn('nsenter', [`--net=${namespace}`, 'sh', '-c', GUARD, 'sh', file, ...words], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', descriptor ?? 'ignore'],
    detached: true,
  });
  const guard = child.stdio[GUARDED];
  const closeGuard = (): void => void guard?.destroy();
  guard?.on('error', () => {}); // it ended first
  child.stdin?.on('error', () => {}); // 'exit' says it better
  const ended = once(child, 'exit').then(([status]) => {
    closeGuard();
    return typeof status === 'number' ? status : null;
  });
  ended.catch(() => undefined); // is told by the one who waits for it
  return {
    child,
    ended,
    end: async () => {
      closeGuard();
      await ended.catch(() => undefined);
    },
  };
}
