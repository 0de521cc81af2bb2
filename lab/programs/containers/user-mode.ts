// SPDX-License-Identifier: Apache-2.0
// Networks in user space for containers: the program runs in `far`, the tap that it reads lies in the container's namespace, `near`.
import { readFileSync } from 'node:fs';
import { answers, arrivals, serveTraffic } from '../counted-traffic.ts';
import type { Stage } from '../places.ts';
import type { Running } from '../program.ts';

interface UserMode {
  readonly device: string;
  readonly program: string;
  readonly words: readonly string[];
  /** The address by which the container reaches its host. */
  readonly host: string;
  readonly own: string;
}

/** Where the host of the container has its way out; nothing answers there. */
export const OUTER = '10.12.0.2';
export const OUTER_GATEWAY = '10.12.0.1';

export async function userMode(stage: Stage, mode: UserMode): Promise<Running> {
  const { near, far, source } = stage;
  await near.ip('link del wan0');
  await far.ip(`link add up0 type veth peer name up0 netns ${source.name}`);
  await source.ipBatch(['link set up0 up', `addr add ${OUTER_GATEWAY}/24 dev up0`]);
  await far.ipBatch(['link set up0 up', `addr add ${OUTER}/24 dev up0`, `route add default via ${OUTER_GATEWAY}`]);
  serveTraffic(stage, far);
  const started = stage.start(far, ...mode.words);
  await answers(near, mode.host, started.output);
  return {
    device: mode.device,
    queues: 1,
    pid: started.pid,
    // pasta becomes a build for this CPU, of another name.
    comm: readFileSync(`/proc/${started.pid}/comm`, 'utf8').trim(),
    program: mode.program,
    vm: '',
    beyond: mode.host,
    here: mode.own,
    remote: (command) => far.exec('sh', '-c', command),
    arrived: await arrivals(far),
    own: undefined,
  };
}
