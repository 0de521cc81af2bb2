// SPDX-License-Identifier: Apache-2.0
// vhost-net as it is asked to be: zero-copy is a parameter of the module.
import { dismissStanding } from '../agent/shared-agent.ts';
import { run } from './run.ts';

/** Nothing may use the module meanwhile. */
export async function loadVhost(zeroCopy: boolean): Promise<void> {
  await dismissStanding();
  await run('rmmod', ['vhost_net']).catch(() => undefined);
  await run('modprobe', ['vhost_net', `experimental_zcopytx=${Number(zeroCopy)}`]);
}
