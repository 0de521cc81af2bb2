// SPDX-License-Identifier: Apache-2.0
// A guest in QEMU with one virtio-net device, whose tap QEMU makes in the bench's namespace. Its serial line takes commands.
import { accessSync, closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { END, type GuestImage, READY } from './guest-files.ts';
import { type HostProgram, startIn } from './host-program.ts';

interface MachineOptions {
  readonly image: GuestImage;
  /** The path of the namespace in which QEMU makes the tap `device`. */
  readonly namespace: string;
  readonly device: string;
  /** The guest's address with its prefix. */
  readonly address: string;
  /** The last byte of its hardware address. */
  readonly number: number;
  readonly queues: number;
  readonly cpus: number;
  readonly vhost: boolean;
  readonly kvm: boolean;
  readonly interrupted: AbortSignal;
}

export interface GuestMachine {
  /** By how much all limits of time are longer: 1 where it booted in the time that an emulated guest usually takes. */
  readonly patience: number;
  /** Code GUEST: it does not answer in time, or QEMU has ended. */
  ask(command: string, seconds?: number): Promise<string>;
  end(): Promise<void>;
}

const MEMORY_MIB = 256;
const POLL_MS = 10;
const USUAL_BOOT_S = 20;
const ANSWERS_WITHIN_S = 20;
/** An emulated guest takes 5 s, and minutes where the host is emulated too. */
const BOOTS_WITHIN_S = { kvm: 30, emulated: 600 };

export function hasKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export function hasVhostNet(): boolean {
  return existsSync('/dev/vhost-net');
}

/** Code GUEST: it did not start. */
export async function bootGuest(options: MachineOptions): Promise<GuestMachine> {
  const { image, namespace, kvm, interrupted } = options;
  const archive = unnamedFile(image.archive);
  const program = startIn(namespace, image.qemu, qemuWords(options), archive);
  closeSync(archive);
  const line = new SerialLine(program);
  const seconds = kvm ? BOOTS_WITHIN_S.kvm : BOOTS_WITHIN_S.emulated;
  const began = performance.now();
  try {
    await line.until((heard) => heard.includes(`${READY}\n`), 'the guest did not start', seconds, interrupted);
  } catch (error) {
    await program.end();
    throw error;
  }
  const patience = Math.max(1, (performance.now() - began) / (1000 * USUAL_BOOT_S));
  let commands = 0;
  return {
    patience,
    ask: async (command, limit = Math.ceil(ANSWERS_WITHIN_S * patience)) => {
      const number = ++commands;
      line.send(`${number} ${command}\n`);
      const answer = new RegExp(`^([\\s\\S]*?)${END}${number}=(\\d+)\\n`);
      await line.until((heard) => answer.test(heard), 'the guest hangs: it did not answer', limit, interrupted);
      const [, text = '', status] = answer.exec(line.heard) ?? [];
      if (status !== '0') throw new Error(`The guest's "${command}" ended with ${status}: ${text}`);
      return text;
    },
    end: () => program.end(),
  };
}

/** QEMU reads it by its descriptor. Its name is gone before the program starts. */
function unnamedFile(bytes: Uint8Array): number {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-bench-'));
  try {
    const file = join(folder, 'archive');
    writeFileSync(file, bytes);
    return openSync(file, 'r');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function qemuWords({ image, device, address, number, queues, cpus, vhost, kvm }: MachineOptions): readonly string[] {
  const boot = ['console=ttyS0 rdinit=/init quiet loglevel=1 panic=-1 ipv6.disable=1', `bench.address=${address}`];
  // An emulated clock looks broken to the kernel, which would ask a slow device each time.
  if (!kvm) boot.push('mitigations=off tsc=reliable no_timer_check');
  const vectors = 2 * queues + 2;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-machine', `q35,accel=${kvm ? 'kvm' : 'tcg'}`, '-cpu', kvm ? 'host' : 'max,-erms'],
    ...['-smp', String(cpus), '-m', String(MEMORY_MIB)],
    ...['-kernel', image.kernel.file, '-initrd', '/proc/self/fd/4', '-append', boot.join(' ')],
    '-netdev',
    `tap,id=n0,ifname=${device},script=no,downscript=no,vhost=${vhost ? 'on' : 'off'},queues=${queues}`,
    '-device',
    `virtio-net-pci,netdev=n0,mac=02:00:00:00:01:0${number}${queues > 1 ? `,mq=on,vectors=${vectors}` : ''}`,
  ];
}

class SerialLine {
  heard = '';
  #complaint = '';
  readonly #program: HostProgram;

  constructor(program: HostProgram) {
    this.#program = program;
    program.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.heard += text.replaceAll('\r', '');
    });
    program.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint += text;
    });
  }

  send(line: string): void {
    this.heard = '';
    this.#program.child.stdin?.write(line);
  }

  async until(
    done: (heard: string) => boolean,
    what: string,
    seconds: number,
    interrupted: AbortSignal,
  ): Promise<void> {
    const deadline = performance.now() + 1000 * seconds;
    while (!done(this.heard)) {
      const { exitCode, signalCode } = this.#program.child;
      if (exitCode !== null || signalCode !== null) throw guestError(`QEMU ended: ${this.#lastWords()}`);
      if (performance.now() > deadline) {
        await this.#program.end();
        throw guestError(`${what} within ${seconds} s`);
      }
      await wait(POLL_MS, undefined, { signal: interrupted });
    }
  }

  #lastWords(): string {
    // The first line: those behind it are what follows from it.
    const words = (this.#complaint.trim() || this.heard.trim()).split('\n');
    return (words.find((line) => !line.includes(': warning: ')) || 'it does not say why').slice(0, 200);
  }
}

function guestError(sentence: string): Error {
  return Object.assign(new Error(sentence), { code: 'GUEST' });
}
