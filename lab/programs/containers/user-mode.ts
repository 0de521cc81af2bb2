// SPDX-License-Identifier: Apache-2.0
// Networks in user space for containers: the program runs in `far`, the tap that it reads lies in the container's namespace, `near`.
import { readFileSync } from 'node:fs';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { answers, arrivals, serveTraffic } from '../counted-traffic.ts';
import type { Stage } from '../places.ts';
import type { Program, Running } from '../program.ts';

interface UserMode {
  readonly device: string;
  readonly program: string;
  readonly words: readonly string[];
  /** The address by which the container reaches its host. */
  readonly host: string;
  readonly own: string;
}

/** Where the host of the container has its way out; nothing answers there. */
const OUTER = '10.12.0.2';
const OUTER_GATEWAY = '10.12.0.1';

async function userMode(stage: Stage, mode: UserMode): Promise<Running> {
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

export const PASTA: Program = {
  name: 'pasta',
  from: 'Debian passt',
  needs: [{ debian: 'passt', file: 'pasta' }, IPERF, SOCAT],
  start: (stage) =>
    userMode(stage, {
      device: 'pasta0',
      program: 'pasta',
      words: [
        ...['pasta', '-f', '--netns-only', '--runas', '0', '--config-net', '--ns-ifname', 'pasta0', '-t', 'none'],
        ...['-u', 'none', '-T', 'none', '-U', 'none', '--no-dhcp', '--netns', `/run/netns/${stage.near.name}`],
      ],
      host: OUTER_GATEWAY,
      own: OUTER,
    }),
};

const common = { program: 'slirp4netns', host: '10.0.2.2', own: '10.0.2.100' };
const needs = [{ debian: 'slirp4netns', file: 'slirp4netns' }, IPERF, SOCAT];

export const SLIRP: Program = {
  name: 'slirp4netns',
  from: 'Debian slirp4netns',
  needs,
  start: (stage) =>
    userMode(stage, {
      ...common,
      device: 'slirp0',
      words: ['slirp4netns', '--netns-type=path', '-c', `/run/netns/${stage.near.name}`, 'slirp0'],
    }),
};

export const CONTAINER: Program = {
  name: 'plain container',
  from: 'unshare with slirp4netns',
  needs,
  start: (stage) => {
    const container = stage.start(stage.near, 'unshare', '--mount', '--uts', '--ipc', 'sleep', 'infinity');
    return userMode(stage, {
      ...common,
      device: 'ctap0',
      words: ['slirp4netns', '-c', String(container.pid), 'ctap0'],
    });
  },
};
