// SPDX-License-Identifier: Apache-2.0
// What all programs have in common that hold a device in `near` and another in `far`.

import { answers, arrivals, serveTraffic } from '../counted-traffic.ts';
import { FAR_INNER, NEAR_INNER, SOURCE_NET, type Stage } from '../places.ts';
import type { Running } from '../program.ts';

interface Tunnel {
  readonly device: string;
  readonly farDevice: string;
  readonly comm: string;
  /** The name that tapscope gives to it; '': it does not know the program. */
  readonly program: string;
  readonly near: readonly string[];
  readonly far: readonly string[];
  /** When both run: addresses, if the program does not set them. */
  readonly configure?: () => Promise<unknown>;
  readonly own?: Running['own'];
}

export async function tunnel(stage: Stage, { near, far, device, farDevice, ...more }: Tunnel): Promise<Running> {
  const started = stage.start(stage.near, ...near);
  stage.start(stage.far, ...far);
  await more.configure?.();
  await answers(stage.near, FAR_INNER, started.output);
  await stage.far.ip(`route replace ${SOURCE_NET} via ${NEAR_INNER} dev ${farDevice}`);
  serveTraffic(stage, stage.far);
  return {
    device,
    queues: 1,
    pid: started.pid,
    comm: more.comm,
    program: more.program,
    vm: '',
    beyond: FAR_INNER,
    here: NEAR_INNER,
    remote: (command) => stage.far.exec('sh', '-c', command),
    arrived: await arrivals(stage.far),
    own: more.own,
  };
}

/** Sets addresses, and the device up, as soon as the program has made it. */
export async function addresses(stage: Stage, device: string, farDevice: string): Promise<void> {
  await made(stage.near, device, NEAR_INNER);
  await made(stage.far, farDevice, FAR_INNER);
}

async function made(lab: Stage['near'], device: string, address: string): Promise<void> {
  const script = `for i in $(seq 300); do ip link show ${device} >/dev/null 2>&1 && break; sleep 0.2; done
    ip addr replace ${address}/24 dev ${device} && ip link set ${device} up`;
  await lab.exec('sh', '-c', script);
}
