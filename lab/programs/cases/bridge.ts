// SPDX-License-Identifier: Apache-2.0
// The tap becomes a port of a bridge that has the host's address; `source` is in the same network then.
import { NEAR_INNER } from '../places.ts';
import type { Scene } from '../scene.ts';

/** An address of `source` there. */
const SOURCE_BRIDGED = '10.99.0.77';

/** `options`: of the bridge, as `ip link add` takes them. */
export async function bridge(scene: Scene, options = ''): Promise<void> {
  const { near, stage, running } = scene;
  scene.after(() =>
    near.ipBatch(['link del br0', 'addr add 10.8.0.1/24 dev lan0', `addr add ${NEAR_INNER}/24 dev ${running.device}`]),
  );
  await near.ipBatch([
    `addr del ${NEAR_INNER}/24 dev ${running.device}`,
    'addr del 10.8.0.1/24 dev lan0',
    `link add br0 type bridge ${options}`,
    `link set ${running.device} master br0`,
    'link set lan0 master br0',
    'link set br0 up',
    'link set lan0 mtu 3000',
    `addr add ${NEAR_INNER}/24 dev br0`,
  ]);
  await stage.source.ipBatch([`addr add ${SOURCE_BRIDGED}/24 dev lan0`, 'link set lan0 mtu 3000']);
  scene.after(() => stage.source.ip(`addr del ${SOURCE_BRIDGED}/24 dev lan0`));
}
