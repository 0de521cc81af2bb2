// SPDX-License-Identifier: Apache-2.0
// systemd, or another that started the agent and wants to know how it is: sd_notify(3), datagrams to a unix socket.
import { sendToUnix } from './native-processes.ts';

type Environment = Record<string, string | undefined>;

export class ServiceManager {
  /** Within this it wants a sign of life; undefined: it waits for none. */
  readonly watchdogMs: number | undefined;
  readonly isThere: boolean;
  readonly #address: string;
  readonly #say: (error: Error) => unknown;
  #hasFailed = false;

  /** Takes its variables away: they are for no program that this process starts. `say`: of a socket that takes nothing, once. */
  constructor(say: (error: Error) => unknown, environment: Environment = process.env, pid = process.pid) {
    const { NOTIFY_SOCKET: address = '', WATCHDOG_USEC: microseconds, WATCHDOG_PID: whose } = environment;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    this.#address = address;
    this.#say = say;
    this.isThere = /^[/@]./.test(address);
    const isOurs = whose === undefined || whose === String(pid);
    if (this.isThere && isOurs && Number(microseconds) > 0) this.watchdogMs = Number(microseconds) / 1000;
  }

  /** Lines as 'READY=1'; a value has no line end. */
  tell(...lines: readonly string[]): void {
    if (!this.isThere) return;
    try {
      sendToUnix(this.#address, lines.join('\n'));
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed && error instanceof Error) this.#say(error);
      this.#hasFailed = true;
    }
  }
}
