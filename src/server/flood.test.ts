// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Clients that let the server compute all they can, and what another client sees of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, ask, serveEndpoint } from '../../test/agent/endpoint.ts';
import { median } from '../../test/host/percentile.ts';
import { slowness } from '../../test/host/slowness.ts';
import { busyHost } from '../../test/snapshots/busy-host.ts';
import { createObserver } from './observer.ts';

const SECONDS = 20;
const TAPS = 300;
const FLOOD_MS = 1000;
/** A line of text. Before there were turns, it waited for all sixteen: 2.9 s. The clients are in this process too. */
const WITHIN_MS = 1000;

/** An answer whose end is not written yet is cut off when a client without a place takes one of a client that has several. */
const GIVEN_WAY = 0;

function givenWay(error: unknown): Pick<Answer, 'status' | 'headers'> {
  assert.ok(error instanceof Error && 'code' in error && error.code === 'ECONNRESET', String(error));
  return { status: GIVEN_WAY, headers: {} };
}

const observer = createObserver();
for (let second = 0; second < SECONDS; second += 1) observer.see(busyHost(TAPS, second));

for (const path of ['/api/v1/findings', '/api/v1/queues', '/api/v1/snapshot', '/api/v1/window'])
  test(`sixteen clients ask for ${path} without end: each is answered, refused or gives way, and others hardly notice`, async (t) => {
    const { from = 0 } = observer.history.span ?? {};
    const takeSnapshot = async () => busyHost(TAPS, SECONDS);
    const endpoint = await serveEndpoint(t, { dependencies: { observer, takeSnapshot } });
    const statuses = new Map<number, number>();
    const began = performance.now();
    const isOver = (): boolean => performance.now() - began > FLOOD_MS;
    const flood = async (client: number): Promise<void> => {
      const localAddress = `127.0.1.${1 + (client % 4)}`;
      while (!isOver()) {
        const query = path.endsWith('snapshot') ? '' : `?at=${from + 5 + (client % 10)}`;
        const { status, headers } = await ask(endpoint, `${path}${query}`, { localAddress }).catch(givenWay);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status !== 200 && status !== GIVEN_WAY) assert.ok(Number(headers['retry-after']) >= 1);
      }
    };
    const times: number[] = [];
    const look = async (): Promise<void> => {
      while (!isOver()) {
        const asked = performance.now();
        assert.equal((await ask(endpoint, '/-/healthy')).status, 200);
        times.push(performance.now() - asked);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await Promise.all([look(), ...Array.from({ length: 16 }, (_, client) => flood(client))]);
    t.diagnostic(
      `${JSON.stringify(Object.fromEntries(statuses))}; median ${median(times).toFixed(1)} ms, longest ${Math.max(...times).toFixed(0)} ms`,
    );
    assert.deepEqual(
      [...statuses.keys()].filter((status) => ![200, 429, 503, GIVEN_WAY].includes(status)),
      [],
    );
    assert.ok((statuses.get(200) ?? 0) > 0);
    assert.ok(median(times) < WITHIN_MS * (await slowness()), `${median(times)} ms`);
  });
