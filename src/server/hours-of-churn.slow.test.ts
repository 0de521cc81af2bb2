// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Twelve hours of the process that serves, in two minutes: devices live for a minute, their snapshots come as lines, clients ask for pages and
// history, and some break off. The clock is the snapshots'.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ask, serveEndpoint } from '../../test/agent/endpoint.ts';
import { busyHost } from '../../test/snapshots/busy-host.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { SnapshotReader, SnapshotWriter } from '../snapshot/stream.ts';
import { createObserver } from './observer.ts';

const TAPS = 10;
/** Taps that stay; the others come and go. */
const STANDING = 4;
const LIFE_S = 60;
const STEP_S = 12;
const HOUR_S = 3600;
/** Until the sixth hour the history fills, and V8 compiles the code that runs (thirty-two hours by hand: 26.5 MB in the fifth, 26.9 in the last). */
const FULL_HOURS = [6, 7, 8];
const LAST_HOURS = [10, 11, 12];
const HOURS = 12;
/** Between them: 1 440 devices and 2 400 answers, of which each leaves less than 140 bytes. */
const GROWN_BYTES = 2 ** 19;
/** Every so many rounds a client breaks off. */
const BROKEN_EACH = 4;
const PAGES = ['/metrics', '/', '/api/v1/findings', '/api/v1/queues', '/api/v1/snapshot', '/api/v1/window'];

/** Each minute another device takes the place of one that does not stay. */
function churnedHost(second: number): Snapshot {
  const host = busyHost(TAPS, second);
  const devices = host.devices.map((device, place) => {
    if (place < STANDING) return device;
    const life = TAPS * Math.floor((second + STEP_S * place) / LIFE_S) + place;
    return { ...device, id: `${1000 + life}`, ifindex: 1000 + life, name: `tap${life}` };
  });
  return { ...host, devices };
}

/** Breaks the connection off in the middle of the page. */
async function breakOff(port: number, localAddress: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  socket.resetAndDestroy();
}

test('hours in which thousands of devices come and go leave no memory behind', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const heap = (): number => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const [writer, reader] = [new SnapshotWriter(), new SnapshotReader()];
  const received = (sent: Snapshot): Snapshot =>
    [...writer.lines(sent)].map((line) => reader.take(JSON.parse(line))).at(-1) ?? assert.fail('it has no end');
  const observer = createObserver();
  let latest = churnedHost(0);
  const endpoint = await serveEndpoint(t, { dependencies: { observer, takeSnapshot: async () => latest } });
  const sizes: number[] = [];
  for (let second = 0; second <= HOURS * HOUR_S; second += STEP_S) {
    latest = received(churnedHost(second));
    observer.see(latest);
    const round = second / STEP_S;
    const accept = round % 3 === 0 ? 'application/openmetrics-text; version=1.0.0' : 'text/plain';
    const headers = { accept, 'accept-encoding': round % 2 === 0 ? 'gzip' : 'identity' };
    // A single address would reach the limit of requests.
    const localAddress = `127.0.3.${1 + (round % 200)}`;
    const page = PAGES[round % PAGES.length] ?? '/';
    assert.equal((await ask(endpoint, '/metrics', { headers, localAddress })).status, 200);
    assert.equal((await ask(endpoint, page, { localAddress })).status, 200, page);
    if (round % BROKEN_EACH === 0) await breakOff(endpoint.port, localAddress);
    if (second % HOUR_S === 0) sizes.push(heap());
  }
  t.diagnostic(`heap in use each hour, MB: ${sizes.map((bytes) => (bytes / 1e6).toFixed(1)).join(' ')}`);
  const least = (hours: readonly number[]): number =>
    Math.min(...hours.map((hour) => sizes[hour] ?? assert.fail(`hour ${hour}`)));
  const grown = least(LAST_HOURS) - least(FULL_HOURS);
  assert.ok(grown < GROWN_BYTES, `${grown} bytes more in the hours ${LAST_HOURS} than in ${FULL_HOURS}`);
});
