// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fisherTail, normalTail } from './chance.ts';
import { commonFactors, type Judgeable } from './factors.ts';

/** A fleet as clouds have them: what a host has is the same for all its taps, what a tap has is its own. */
interface Fleet {
  readonly random: () => number;
  readonly taps: readonly Omit<Judgeable, 'losing'>[];
}

const HOST_PROPERTIES = {
  kernel: ['6.1.0-41', '6.12.48', '6.12.57', '7.3.4'],
  group: ['rack1', 'rack2', 'rack3', 'rack4', 'rack5', 'rack6'],
};
const TAP_PROPERTIES = {
  qdisc: ['noqueue', 'fq_codel', 'pfifo_fast'],
  ring: ['500', '1000', '4096'],
  program: ['qemu', 'firecracker', 'openvpn'],
  flow_control: ['tail-drop', 'backpressure'],
  tenant: ['red', 'green', 'blue', 'white', 'black', 'grey', 'pink', 'brown'],
};
const CAUSES: readonly (readonly [string, string])[] = [
  ['kernel', '6.12.57'],
  ['group', 'rack3'],
  ['qdisc', 'fq_codel'],
  ['ring', '500'],
  ['program', 'firecracker'],
  ['tenant', 'pink'],
];

/** Park and Miller's generator: the same fleet for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function fleetOf(seed: number): Fleet {
  const random = generator(seed);
  const pick = (values: readonly string[]): string => values[Math.floor(random() * values.length)] ?? '';
  const drawn = (of: Readonly<Record<string, readonly string[]>>): Record<string, string> =>
    Object.fromEntries(Object.entries(of).map(([name, values]) => [name, pick(values)]));
  const taps = Array.from({ length: 100 }, (_, number) => {
    const ofHost = drawn(HOST_PROPERTIES);
    return Array.from({ length: 1 + Math.floor(random() * 20) }, () => ({
      host: `host${number}`,
      properties: { ...ofHost, ...drawn(TAP_PROPERTIES) },
    }));
  });
  return { random, taps: taps.flat() };
}

/** Loss without a common cause: some taps, and some hosts on which most taps lose. */
function noise({ random, taps }: Fleet): readonly Judgeable[] {
  const sick = new Set(taps.map(({ host }) => host).filter(() => random() < 0.005));
  return taps.map((tap) => ({ ...tap, losing: random() < (sick.has(tap.host) ? 0.7 : 0.03) }));
}

test('60 fleets with one common cause: it comes first in 57 of them at least', (t) => {
  let right = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const [property, value] = CAUSES[seed % CAUSES.length] ?? ['', ''];
    const fleet = fleetOf(seed * 7919);
    const taps = noise(fleet).map((tap) => {
      const losing = tap.losing || (tap.properties[property] === value && fleet.random() < 0.4);
      return { ...tap, losing };
    });
    const [first] = commonFactors(taps);
    if (first?.property === property && first.value === value) right++;
    else t.diagnostic(`seed ${seed}: ${property}=${value}, said ${first?.property}=${first?.value}`);
  }
  assert.ok(right >= 57, `${right} of 60`);
});

test('60 fleets without a common cause: no factor is named', () => {
  for (let seed = 1; seed <= 60; seed++)
    assert.deepEqual(commonFactors(noise(fleetOf(seed * 104_729))), [], `seed ${seed}`);
});

test('two causes are both named, the one that tells most first', () => {
  const fleet = fleetOf(4711);
  const taps = noise(fleet).map((tap) => {
    const { kernel, tenant } = tap.properties;
    return { ...tap, losing: tap.losing || kernel === '6.12.57' || (tenant === 'pink' && fleet.random() < 0.9) };
  });
  assert.deepEqual(
    commonFactors(taps).map(({ property, value }) => [property, value]),
    [
      ['kernel', '6.12.57'],
      ['tenant', 'pink'],
    ],
  );
});

test('one host that loses on all taps is an incident of that host', () => {
  const { taps } = fleetOf(42);
  assert.deepEqual(commonFactors(taps.map((tap) => ({ ...tap, losing: tap.host === 'host7' }))), []);
});

test('the tails are those of textbooks', () => {
  // Fisher's tea: 4 of 4 cups of 8.
  assert.ok(Math.abs(fisherTail(8, 4, 4, 4) - 1 / 70) < 1e-12);
  assert.ok(Math.abs(fisherTail(8, 4, 4, 3) - 17 / 70) < 1e-12);
  assert.equal(fisherTail(10, 10, 3, 3), 1);
  assert.ok(Math.abs(normalTail(1.96) - 0.0249979) < 1e-6);
  assert.ok(Math.abs(normalTail(-1) - 0.8413447) < 1e-6);
});
