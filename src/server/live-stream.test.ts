// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Listeners of /api/v1/live: each gets each second, too many get a reason, and one that does not read costs nothing.
import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { serveEndpoint } from '../../test/agent/endpoint.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { busyHost } from '../../test/snapshots/busy-host.ts';
import { createObserver, type Observer } from './observer.ts';

const TAPS = 200;

async function serve(t: TestContext): Promise<{ readonly port: number; readonly observer: Observer }> {
  const observer = createObserver();
  const dependencies = { takeSnapshot: async () => busyHost(1, 0), observer, load: () => 'load 41' };
  const { port } = await serveEndpoint(t, { dependencies });
  return { port, observer };
}

function listen(port: number, localAddress = '127.0.0.1'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) =>
    get({ host: '127.0.0.1', port, localAddress, path: '/api/v1/live', agent: false }, resolve).once('error', reject),
  );
}

/** The events of a stream, as they come. */
async function* eventsOf(stream: IncomingMessage): AsyncGenerator<unknown> {
  let rest = '';
  for await (const chunk of stream) {
    const parts = `${rest}${chunk}`.split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) yield parseJson(data);
    }
  }
}

test('each second is told to all who listen, with headers that protect a browser', async (t) => {
  const { port, observer } = await serve(t);
  const streams = await Promise.all([listen(port), listen(port)]);
  observer.see(busyHost(TAPS, 1));
  observer.see(busyHost(TAPS, 2));
  for (const stream of streams) {
    assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(stream.headers['x-accel-buffering'], 'no');
    assert.equal(stream.headers['x-content-type-options'], 'nosniff');
    const { value: event } = await eventsOf(stream).next();
    assert.equal(at(event, 'schema'), 1);
    assert.equal(listAt(event, 'queues').length, TAPS);
    assert.ok(Array.isArray(at(event, 'findings')));
  }
});

test('a judgement that is late is told each second, with its age, and the load of a host without free CPU', async (t) => {
  const { port, observer } = await serve(t);
  const stream = await listen(port);
  const takenAt = Date.now() / 1000 - 20;
  for (const second of [1, 2]) observer.see({ ...busyHost(1, second), takenAt: takenAt + second });
  const events = eventsOf(stream);
  assert.ok(at((await events.next()).value, 'queues'));
  for (let heard = 0; heard < 2; heard += 1) {
    const late = (await events.next()).value;
    const age = Number(at(late, 'age'));
    assert.ok(age >= 18 && age < 40, `${age} s`);
    assert.equal(at(late, 'load'), 'load 41');
  }
  const now = Date.now() / 1000;
  for (const second of [3, 4]) observer.see({ ...busyHost(1, second), takenAt: now + second - 4 });
  // One more that was late may be on its way.
  const next = [(await events.next()).value, (await events.next()).value];
  assert.ok(next.some((event) => at(event, 'queues')));
  stream.destroy();
});

test('one address has ten live views, and an eleventh hears why not', async (t) => {
  const { port } = await serve(t);
  const streams = await Promise.all(Array.from({ length: 10 }, () => listen(port)));
  assert.deepEqual([...new Set(streams.map(({ statusCode }) => statusCode))], [200]);
  const eleventh = await listen(port);
  assert.deepEqual([eleventh.statusCode, eleventh.headers['retry-after']], [503, '5']);
  eleventh.resume();
  streams[0]?.destroy();
  let next = await listen(port);
  for (let tries = 0; next.statusCode === 503 && tries < 100; tries += 1) {
    next.resume();
    await wait(20);
    next = await listen(port);
  }
  assert.equal(next.statusCode, 200);
  for (const stream of [...streams, next]) stream.destroy();
});

test('for one that does not read nothing is kept, the others hear all, and it is let go of in the end', async (t) => {
  const { port, observer } = await serve(t);
  const deaf = connect(port, '127.0.0.1');
  t.after(() => deaf.destroy());
  let isClosed = false;
  deaf.once('close', () => {
    isClosed = true;
  });
  deaf.once('error', () => undefined);
  deaf.pause();
  deaf.write('GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const stream = await listen(port);
  t.after(() => stream.destroy());
  const events = eventsOf(stream);
  for (let second = 0; second < 20; second++) observer.see(busyHost(TAPS, second));
  await wait(50);
  const before = process.memoryUsage().external;
  let heard = 0;
  for (let second = 20; second < 160; second++) {
    observer.see(busyHost(TAPS, second));
    await wait(5);
    if (second % 20 === 0) for (; heard < second - 20; heard++) assert.equal((await events.next()).done, false);
  }
  const grown = (process.memoryUsage().external - before) / 2 ** 20;
  t.diagnostic(`140 events of ${TAPS} queues grew what is held outside the heap by ${grown.toFixed(1)} MB`);
  deaf.resume(); // hears that it was let go of
  for (let i = 0; i < 100 && !isClosed; i++) await wait(50);
  assert.ok(isClosed);
});
