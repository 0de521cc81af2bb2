// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Packets are sent and lost on every way that is counted; `drops` shows their addresses and the kernel's stacks. Nothing that an agent sends over TCP has them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { followDrops } from '../../test/agent/follow-drops.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { at, listAt } from '../../test/host/checked-json.ts';
import { serveLocally } from '../../test/host/local-server.ts';
import { macOf, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { packageRoot } from '../kernel/package.ts';

const LIVE_MS = 3000;
/** The kinds of /metrics. */
const KINDS = [
  'text/plain',
  'application/openmetrics-text;version=1.0.0',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
];

/** What must not be served, by the text or bytes of it. */
interface Secrets {
  readonly addresses: readonly string[];
  /** Functions of stacks, but those in which packets were freed, which are shown as locations, and those that rules of the page are about. */
  readonly frames: readonly string[];
}

/** Each way to write an address: 10.77.0.1, 0a4d0001, 172818433, and the bytes; the last three in either order of bytes. */
function writtenWays(address: string): readonly string[] {
  const isMac = address.includes(':');
  const bytes = address.split(isMac ? ':' : '.').map((part) => Number.parseInt(part, isMac ? 16 : 10));
  const orders = [Buffer.from(bytes), Buffer.from(bytes.toReversed())];
  const hexadecimal = orders.map((order) => order.toString('hex'));
  const separated = isMac ? [address.replaceAll(':', '-')] : [];
  const numbers = isMac ? [] : orders.map((order) => String(order.readUInt32BE()));
  // Zeros are everywhere in protocol buffers.
  const raw = bytes.filter((byte) => byte !== 0).length < 3 ? [] : orders.map((order) => order.toString('latin1'));
  return [address, ...separated, ...hexadecimal, ...numbers, ...raw];
}

/** Digits alone stand alone: 0.010000000002 s is no 02:00:00:00:00:01. */
function has(text: string, way: string): boolean {
  if (/^\d+$/.test(way)) return new RegExp(`(?<![\\d.])${way}(?!\\d)`).test(text);
  return text.toLowerCase().includes(way.toLowerCase());
}

/** What of the secrets is in the text, and pointers into the kernel, by which a stack may be told too. */
function found(text: string, { addresses, frames }: Secrets): readonly string[] {
  const ways = addresses.flatMap((address) => writtenWays(address).map((way) => [address, way] as const));
  return [
    ...ways.filter(([, way]) => has(text, way)).map(([address]) => address),
    ...frames.filter((frame) => new RegExp(`\\b${frame}\\b`).test(text)),
    ...(text.match(/\b(?:0x)?ffff[\da-f]{12}\b/gi) ?? []),
  ];
}

/** What comes over TCP, headers too. `ms`: of an answer that does not end. */
function answerOf(port: number, path: string, accept = '*/*', ms?: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, headers: { accept } }, (answer) => {
      let heard = `${answer.statusCode} ${answer.rawHeaders}\n`;
      const end = (): void => {
        resolve(heard);
        request.destroy();
      };
      answer.setEncoding('latin1').on('data', (text) => {
        heard += text;
      });
      answer.once('end', end).once('error', reject);
      if (ms !== undefined) setTimeout(end, ms);
    });
    request.once('error', reject);
  });
}

/** Every path that the sources of the server register, but those of the socket. */
function registeredPaths(): readonly string[] {
  const folder = join(packageRoot(), 'src/server');
  const files = readdirSync(folder).filter((name) => !/\.test\.ts$|^socket\.ts$/.test(name) && name.endsWith('.ts'));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  return texts.flatMap((text) =>
    [...text.matchAll(/app\.get(?:<[^(]*>)?\(\s*'([^']+)'/g)].flatMap(([, path]) => path ?? []),
  );
}

function askedPaths(netns: number): readonly string[] {
  const pages = readdirSync(join(packageRoot(), 'dist/src/page')).filter((name) => !name.endsWith('.html'));
  const of = (device: string): readonly string[] => [
    `/api/v1/queues/${netns}/${device}/0/history?seconds=60`,
    `/api/v1/ledger/${netns}/${device}`,
  ];
  return [
    ...['/', '/-/healthy', '/-/ready', '/no-such-page', '/metrics', '/api/v1', '/api/v1/findings', '/api/v1/ended'],
    ...['/api/v1/queues', '/api/v1/queues?at=1', '/api/v1/window?seconds=60', '/api/v1/trends', '/api/v1/snapshot'],
    ...['/api/v1/snapshot?question=true', '/api/v1/agent', '/api/v1/check', '/api/v1/live'],
    ...['tap0', 'tap1', 'tun0', 'none'].flatMap(of),
    ...pages.map((name) => `/${name}`),
  ];
}

/** Losses at a full ring, in a qdisc, at a device without a reader, with a reader that leaves, and of what a guest sent. */
async function losingHost(t: TestContext): Promise<{ lab: NamespaceLab; lose: () => Promise<void> }> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (const [id, device, kind] of [
    ['a', 'tap0', 'tap'],
    ['b', 'tap1', 'tap'],
    ['c', 'tun0', 'tun'],
    ['d', 'tap2', 'tap'],
  ] as const)
    await testReader.open(id, device, kind, 'persist');
  const peers = [await lab.raise('tap0', 10), await lab.raise('tap1', 100), await lab.raise('tun0', 10)];
  await lab.raise('tap2', 10);
  await testReader.close('d');
  await lab.tc('qdisc replace dev tap1 root tbf rate 8kbit burst 1540 limit 5000');
  return {
    lab,
    lose: async () => {
      for (const peer of peers) await testReader.udp(peer, 47_113, 60, 64);
      await testReader.packet('tap2', 10, 64);
      await testReader.write('c', 20, 64, { flows: 4 });
      await testReader.write('a', 20, 64, { unicast: true });
    },
  };
}

test('no answer over TCP has the address of a packet or a stack of the kernel', { skip: noLab }, async (t) => {
  const { lab, lose } = await losingHost(t);
  const exported: string[] = [];
  const collector = await serveLocally(t, (request, reply) => {
    void buffer(request).then((body) => {
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      exported.push(`${request.rawHeaders}\n${plain.toString('latin1')}`);
      reply.setHeader('content-type', 'application/json').end('{}');
    });
  });
  const args = ['--detail=cpu', '--openmetrics-created', `--otlp=${collector}`, '--otlp-interval=1s', '--budget=off'];
  const agent = await startAgent(t, args);
  const port = Number(new URL(agent.url).port);
  const followed = await followDrops(t, ['--netns', lab.name, '--stack', '--rate-limit=2000']);
  const paths = askedPaths(lab.inode);
  const served: (readonly [path: string, text: string])[] = [];
  const askAll = async (): Promise<void> => {
    for (const path of paths)
      for (const kind of path === '/metrics' ? KINDS : ['*/*'])
        served.push([path, await answerOf(port, path, kind, path === '/api/v1/live' ? LIVE_MS : undefined)]);
  };
  await lose();
  await askAll();
  await lose();
  await wait(11_000); // findings judge ten seconds
  await lose();
  await askAll();
  const exports = exported.length;
  await until(() => exported.length > exports + 1);

  const { packets, stacks } = await followed.end();
  const reasons = [...new Set(packets.map((packet) => `${at(packet, 'device')} ${at(packet, 'reason')}`))];
  t.diagnostic(reasons.join(', '));
  const secrets = secretsOf(packets, stacks, [await macOf(lab, 'tap0'), await macOf(lab, 'tap1'), '02:00:00:00:00:01']);
  t.diagnostic(`${secrets.addresses.length} addresses, ${secrets.frames.length} functions, ${served.length} answers`);
  assert.ok(reasons.length >= 4 && secrets.addresses.length >= 6 && secrets.frames.length >= 8);
  const terminal = found(JSON.stringify([packets, stacks]), secrets);
  for (const shown of secrets.frames) assert.ok(terminal.includes(shown), 'the test itself would see it');
  assert.ok(
    terminal.some((one) => one.startsWith('10.77.')),
    'the test itself would see it',
  );

  for (const route of registeredPaths()) {
    const pattern = new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}(?:\\?.*)?$`);
    assert.ok(
      paths.some((path) => pattern.test(path)),
      `${route} was not asked`,
    );
  }
  assert.ok(served.some(([path, text]) => path === '/api/v1/findings' && text.includes('"rule"')));
  for (const [path, text] of served) assert.deepEqual(found(text, secrets), [], path);
  assert.ok(exported.length >= 2 && exported.some((text) => text.includes('FULL_RING')));
  for (const text of exported) assert.deepEqual(found(text, secrets), [], 'the collector');
  const { stderr } = await agent.stop();
  assert.deepEqual(found(stderr, secrets), [], 'the log');
});

/** Of what `drops` showed, and addresses of links. */
function secretsOf(packets: readonly unknown[], stacks: readonly unknown[], macs: readonly string[]): Secrets {
  const flows = packets.map((packet) => at(packet, 'flow')).filter((flow) => flow !== null && flow !== undefined);
  const addresses = flows.flatMap((flow) => [at(flow, 'source'), at(flow, 'destination')]).map(String);
  const frames = stacks.flatMap((stack) => listAt(stack, 'frames').map(String).slice(1));
  const locations = new Set(packets.map((packet) => at(packet, 'location')));
  const page = readFileSync(join(packageRoot(), 'dist/src/page/page.js'), 'utf8');
  return {
    addresses: [...new Set([...addresses.filter((one) => /^\d+(?:\.\d+){3}$/.test(one)), ...macs])],
    frames: [...new Set(frames)].filter((frame) => !locations.has(frame) && !page.includes(frame)),
  };
}
