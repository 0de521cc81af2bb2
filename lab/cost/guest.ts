// SPDX-License-Identifier: Apache-2.0
// Runs inside the VM: for each configuration attaches the product's own probes, has the driver clock the paths, and prints
// one line of JSON. While the driver measures, this process sleeps in a pipe.
import { execFileSync, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readHost } from '../../src/kernel/host.ts';
import { attachProbes, PROBE_SYMBOLS } from '../../src/probes/attach.ts';
import { EVENTS } from '../../src/probes/events.ts';
import { Rows } from '../../src/probes/rows.ts';
import { numberAt, parseJson } from '../json.ts';
import { CONFIGURATIONS, type Configuration, type Prices } from './configurations.ts';

const ROUNDS = 5;
const driverFile = join(dirname(fileURLToPath(import.meta.url)), '../../dist/lab/cost-driver');

type Ask = (line: string) => Promise<unknown>;

async function startDriver(): Promise<{ ask: Ask; stop: () => void }> {
  const child = spawn(driverFile, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { done, value } = await lines.next();
    if (done) throw new Error('The cost driver has ended: its reason stands above.');
    return parseJson(value);
  };
  await answer();
  return {
    ask: (line) => {
      child.stdin.write(`${line} ${ROUNDS}\n`);
      return answer();
    },
    stop: () => child.stdin.end(),
  };
}

async function clock(ask: Ask): Promise<Prices> {
  const packet = await ask('packet');
  const foreign = await ask('foreign');
  const pktgen = await ask('pktgen');
  return {
    enqueue: numberAt(packet, 'enqueue', 'median'),
    drop: numberAt(packet, 'drop', 'median'),
    read: numberAt(packet, 'read', 'median'),
    'foreign packet': numberAt(foreign, 'packet', 'median'),
    'foreign drop': numberAt(foreign, 'drop', 'median'),
    'pktgen enqueue': numberAt(pktgen, 'enqueue', 'median'),
    'pktgen drop': numberAt(pktgen, 'drop', 'median'),
  };
}

async function measure(configuration: Configuration, ask: Ask): Promise<Prices> {
  const { mechanisms } = configuration;
  const probes = attachProbes(
    readHost(PROBE_SYMBOLS),
    {
      forced: new Map(EVENTS.map(({ name }) => [name, mechanisms[name] ?? (name === 'devices' ? 'walk' : 'off')])),
      pin: true,
    },
  );
  try {
    for (const [event, mechanism] of Object.entries(mechanisms)) {
      if (probes.mechanism(event) !== mechanism) {
        const reason = probes.states().find((state) => state.event === event)?.reason;
        throw new Error(`'${configuration.name}' needs ${event} by ${mechanism}: ${reason}.`);
      }
    }
    const prices = await clock(ask);
    // A probe that counts nothing is cheap.
    if (mechanisms.transmit && probes.programs && new Rows(probes.programs.object).read(false).devices.size < 2) {
      throw new Error(`'${configuration.name}' did not count the packets of both taps.`);
    }
    return prices;
  } finally {
    probes.close();
  }
}

for (const module of [['tun'], ['pktgen'], ['dummy', 'numdummies=0']]) {
  execFileSync('modprobe', module);
}
const driver = await startDriver();
for (const configuration of CONFIGURATIONS) {
  const prices = await measure(configuration, driver.ask);
  console.log(JSON.stringify({ configuration: configuration.name, prices }));
}
driver.stop();
