// SPDX-License-Identifier: Apache-2.0
// The files of a guest in QEMU: busybox and iperf3 of the host with their libraries, modules, and a first program. They are
// an archive in memory that the guest's kernel unpacks, so no folder of the bench can stay on the host.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { findGuestKernel, type GuestKernel } from './guest-kernel.ts';
import { lacking, outputOf, programPath } from './host-program.ts';

export interface GuestImage {
  readonly qemu: string;
  readonly kernel: GuestKernel;
  readonly archive: Uint8Array;
}

/** A server of iperf3 listens at each, since one server takes one test at a time. */
export const FIRST_PORT = 5201;
export const MOST_SESSIONS = 8;
export const READY = '=ready=';
/** Ends each answer; the command's number and exit status follow. */
export const END = '=end=';

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod "$module"; done
for word in $(cat /proc/cmdline); do case $word in bench.address=*) address=\${word#*=};; esac; done
ip link set lo up
ip addr add "$address" dev eth0
ip link set eth0 up
for port in $(seq ${FIRST_PORT} ${FIRST_PORT + MOST_SESSIONS - 1}); do iperf3 -s -p "$port" >/dev/null 2>&1 & done
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -F /dev/ttyS0 raw -echo
echo ${READY}
while read -r number line; do eval "$line"; echo "${END}$number=$?"; done
`;

const FOLDER = 0o040755;
const EXECUTABLE = 0o100755;
const ALIGNMENT = 4;

/** Throws with code PROGRAM where the host lacks a program or a kernel. */
export async function makeGuestImage(kernelFile: string | undefined): Promise<GuestImage> {
  // The machine, the serial line and the names of libraries below are a PC's.
  if (process.arch !== 'x64') throw lacking('guests in QEMU need an amd64 host');
  const qemu = programPath('qemu-system-x86_64', 'qemu-system-x86');
  const programs = [programPath('iperf3', 'iperf3'), programPath('busybox', 'busybox')];
  const kernel = await findGuestKernel(kernelFile);
  return { qemu, kernel, archive: await guestArchive(INIT, kernel.modules, programs) };
}

/** What a kernel starts from: the first program, modules in the order in which it inserts them, and programs with their libraries. */
export async function guestArchive(
  init: string,
  modules: readonly Uint8Array[],
  programs: readonly string[],
): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array>([['init', Buffer.from(init)]]);
  for (const [index, module] of modules.entries()) files.set(`modules/${String(index).padStart(2, '0')}.ko`, module);
  for (const program of programs) {
    files.set(`bin/${basename(program)}`, readFileSync(program));
    for (const library of await librariesOf(program)) files.set(library.slice(1), readFileSync(library));
  }
  return newcArchive(['modules', 'proc', 'sys', 'dev', 'tmp'], files);
}

/** Paths as the program asks for them. A static program has none: ldd refuses it. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const text = await outputOf(programPath('ldd', 'libc-bin'), [program]).catch(() => Buffer.of());
  return [...text.toString().matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

/** cpio's format "newc" (Documentation/driver-api/early-userspace/buffer-format.rst). */
export function newcArchive(folders: readonly string[], files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parents = [...files.keys()].flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, index, parts) => parts.slice(0, index + 1).join('/')),
  );
  return Buffer.concat([
    ...[...new Set([...folders, ...parents])].map((path) => entry(path, FOLDER, new Uint8Array())),
    ...[...files].map(([path, bytes]) => entry(path, EXECUTABLE, bytes)),
    entry('TRAILER!!!', 0, new Uint8Array()),
  ]);
}

function entry(path: string, mode: number, bytes: Uint8Array): Uint8Array {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, user, group, links, time, size, four numbers of devices, size of the name, checksum
  const numbers = [0, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([aligned(Buffer.concat([header, name])), aligned(bytes)]);
}

function aligned(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array(-bytes.length & (ALIGNMENT - 1))]);
}
