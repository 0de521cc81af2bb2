// SPDX-License-Identifier: Apache-2.0
// vhost-net's parameter experimental_zcopytx, which can only be set while the module is loaded: it is loaded anew by kmod's
// programs, which know where modules lie and how they are packed. For `tapscope bench` alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';

const PARAMETER = '/sys/module/vhost_net/parameters/experimental_zcopytx';
/** Folders that PATH leaves out for some users. */
const FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Not 0: vhost-net tries not to copy; undefined: the module is not loaded. */
export function zeroCopyParameter(): number | undefined {
  return existsSync(PARAMETER) ? Number(readFileSync(PARAMETER, 'utf8')) : undefined;
}

/** Throws one sentence if it cannot be set. */
export async function setZeroCopyParameter(wanted: number): Promise<void> {
  const before = zeroCopyParameter();
  if (before === wanted) return;
  if (before !== undefined)
    await kmod('rmmod', ['vhost_net']).catch(
      refuse('vhost_net is in use or built in, and experimental_zcopytx can only be set while it is loaded'),
    );
  await kmod('modprobe', ['vhost_net', `experimental_zcopytx=${wanted}`]).catch(refuse('vhost_net cannot be loaded'));
}

/** vhost-net and what comes with it, as far as it is loaded, in the order in which it can be unloaded. */
export function vhostModules(): readonly string[] {
  return ['vhost_net', 'vhost', 'vhost_iotlb', 'tap'].filter((name) => existsSync(`/sys/module/${name}/refcnt`));
}

/** A module that is in use by now stays. */
export async function unload(modules: readonly string[]): Promise<void> {
  for (const name of modules) await kmod('rmmod', [name]).catch(() => undefined);
}

function refuse(sentence: string): (error: unknown) => never {
  return (cause) => {
    throw Object.assign(new Error(sentence), { cause, code: 'MODULE' });
  };
}

/** The program runs in a process group of its own: Ctrl-C must not end it half-way. */
async function kmod(program: string, args: readonly string[]): Promise<void> {
  const file = FOLDERS.map((folder) => `${folder}/${program}`).find(existsSync);
  if (file === undefined) throw new Error(`this host has no ${program}: apt install kmod`);
  const [status] = await once(spawn(file, args, { stdio: 'ignore', detached: true }), 'exit');
  if (status !== 0) throw new Error(`${program} ended with status ${status}`);
}
