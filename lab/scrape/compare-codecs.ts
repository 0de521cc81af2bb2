// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/scrape/compare-codecs.ts QUEUES: what a step of the history takes, by its codec and by zlib. zlib deflates the JSON of each
// device, with the JSON of its step before as dictionary. Measured are a recording, the fixtures, and a made-up host of so many busy queues.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, deflateRawSync } from 'node:zlib';
import { readRecording } from '../../src/commands/recording.ts';
import { Chain, type Numbers, type Series } from '../../src/history/chain.ts';
import { createFlattener, type Entry } from '../../src/history/flatten.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { busyHost } from '../../test/snapshots/busy-host.ts';
import { unpackFixture } from '../../test/snapshots/fixture.ts';

/** Steps in a block of src/history/chain.ts: one whole, eleven changes. */
const BLOCK = 12;
const FIXTURES = 'src/diagnosis/fixtures';
const FASTEST = { level: constants.Z_BEST_SPEED, memLevel: 9 };
const SMALLEST = { level: constants.Z_BEST_COMPRESSION, memLevel: 9 };

interface Price {
  bytes: number;
  steps: number;
  milliseconds: number;
}

interface State {
  readonly entry: Entry;
  readonly numbers: Numbers;
}

/** Adds what `write` costs: the bytes that it returns, and the CPU time of this process. */
function pay(price: Price, write: () => number): void {
  const before = process.cpuUsage();
  price.bytes += write();
  const { user, system } = process.cpuUsage(before);
  price.milliseconds += (user + system) / 1000;
  price.steps += 1;
}

function byOwnCodec(snapshots: readonly Snapshot[]): Price {
  const price = { bytes: 0, steps: 0, milliseconds: 0 };
  const chain = new Chain({ stepSeconds: 0, keepSeconds: Number.POSITIVE_INFINITY });
  const apart = createFlattener();
  const lanes = new Map<string, Series>();
  const states = new Map<string, State>();
  for (const { takenAt, devices } of snapshots)
    pay(price, () => {
      const before = chain.bytes;
      chain.begin(devices.length);
      const here = devices.map(({ id, netns, name }) => lanes.get(id) ?? { netns, name });
      for (const [place, device] of devices.entries()) {
        const entry = apart.take(device, states.get(device.id)?.entry);
        const numbers = apart.numbers().slice(0, entry.shape.numbers);
        const series = here[place] ?? { netns: undefined, name: '' };
        lanes.set(device.id, series);
        states.set(device.id, { entry, numbers });
        chain.put(place, series, entry, numbers);
      }
      chain.end(takenAt, here);
      return chain.bytes - before;
    });
  return price;
}

function byZlib(snapshots: readonly Snapshot[], options: typeof FASTEST): Price {
  const price = { bytes: 0, steps: 0, milliseconds: 0 };
  const texts = new Map<string, Buffer>();
  for (const [step, { devices }] of snapshots.entries())
    pay(price, () => {
      if (step % BLOCK === 0) texts.clear();
      // What is the same for all devices, the names of fields, is in the dictionary of a whole: the device before it.
      let dictionary: Buffer = Buffer.from('{}');
      let bytes = 0;
      for (const device of devices) {
        const text = Buffer.from(JSON.stringify(device, (_, value) => (value instanceof Map ? [...value] : value)));
        bytes += deflateRawSync(text, { ...options, dictionary: texts.get(device.id) ?? dictionary }).length;
        texts.set(device.id, text);
        dictionary = text;
      }
      return bytes;
    });
  return price;
}

function tell(name: string, windows: readonly (readonly Snapshot[])[]): void {
  const ways = {
    own: byOwnCodec,
    'zlib 1': (snapshots: readonly Snapshot[]) => byZlib(snapshots, FASTEST),
    'zlib 9': (snapshots: readonly Snapshot[]) => byZlib(snapshots, SMALLEST),
  };
  for (const [way, write] of Object.entries(ways)) {
    const prices = windows.map(write);
    const total = (figure: keyof Price): number => prices.reduce((sum, price) => sum + price[figure], 0);
    const [bytes, milliseconds] = [total('bytes') / total('steps'), total('milliseconds') / total('steps')];
    console.log(`${name}  ${way}  ${Math.round(bytes)} bytes a step  ${milliseconds.toFixed(2)} ms of CPU a step`);
  }
}

const queues = Number(process.argv[2] ?? 1000);
const fixtures = readdirSync(FIXTURES).filter((file) => file.endsWith('.json.gz'));
const { snapshots } = await readRecording('test/recorded/linux-6.1.rec');
tell(`recording, ${snapshots.length} steps`, [snapshots]);
tell(
  `fixtures, ${fixtures.length} windows`,
  fixtures.map((file) => unpackFixture(readFileSync(join(FIXTURES, file))).snapshots),
);
tell(`${queues} busy queues, ${BLOCK} steps`, [Array.from({ length: BLOCK }, (_, second) => busyHost(queues, second))]);
