// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The program as built, with one addon for all, on the oldest Node.js that it takes and on each line that gets fixes: it starts, with the bytecode of
// another Node beside it, counts to the packet, and exports by a proxy where that Node knows of them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { type Metrics, startAgent, tapscope } from '../test/agent/serve-process.ts';
import { serveLocally } from '../test/host/local-server.ts';
import { namespaceLab, noLab } from '../test/host/netns.ts';
import { run } from '../test/host/run.ts';
import { until } from '../test/host/until.ts';
import { NoNode, provideNode, runtime } from './runtime.mjs';

const RING = 10;
const PACKETS = 25;

for (const version of runtime.triedOn)
  test(`Node.js ${version} counts what a full ring drops`, { skip: noLab }, async (t) => {
    const node = provided(version);
    if (node instanceof NoNode) return t.skip(node.message);
    const agent = await startAgent(t, ['--budget=off'], { node });
    const lab = await namespaceLab(t);
    const reader = await lab.testReader();
    await reader.open('a', 'tap0', 'tap');
    await reader.udp(await lab.raise('tap0', RING), 9, PACKETS, 64);
    const full = { netns: String(lab.inode), device: 'tap0', reason: 'FULL_RING' };
    const droppedOn = (page: Metrics) => page.value('tapscope_queue_dropped_packets_total', full);
    let page = await agent.metrics();
    // Without free CPU the newest snapshot is served, which may be older than the packets.
    await until(async () => {
      page = await agent.metrics();
      return droppedOn(page) === PACKETS - RING;
    });
    assert.equal(droppedOn(page), PACKETS - RING);
    assert.match(page.text, new RegExp(`^tapscope_build_info\\{.*node_version="${version}"`, 'm'));
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
  });

for (const version of runtime.triedOn)
  test(`Node.js ${version} reaches a collector by the proxy of its environment`, { skip: noLab }, async (t) => {
    const node = provided(version);
    if (node instanceof NoNode) return t.skip(node.message);
    const { stdout: flag } = await run(node, ['-p', 'process.allowedNodeEnvironmentFlags.has("--use-env-proxy")']);
    if (flag.trim() !== 'true') return t.skip('this Node.js knows of no proxies');
    const asked: (string | undefined)[] = [];
    const proxy = await serveLocally(t, (request, reply) => {
      asked.push(request.url);
      request.resume().once('end', () => reply.setHeader('content-type', 'application/json').end('{}'));
    });
    const wrapper = [
      'env',
      'NODE_USE_ENV_PROXY=1',
      `HTTP_PROXY=${proxy}`,
      `http_proxy=${proxy}`,
      'NO_PROXY=',
      'no_proxy=',
    ];
    const collector = 'http://collector.invalid:4318';
    const agent = await startAgent(t, [`--otlp=${collector}`, '--otlp-interval=1s'], { node, wrapper });
    await until(() => asked.length > 0);
    assert.ok(asked.includes(`${collector}/v1/metrics`), String(asked));
    const { stdout } = await tapscope(['doctor', `--socket=${agent.socket}`]);
    assert.match(stdout, new RegExp(`TCP ports 53, 4318 and ${new URL(proxy).port} of any address`));
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /cannot be reached/);
  });

test('the oldest of them is the oldest that the package takes, and the shipped one is among them', () => {
  const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
  assert.ok(runtime.triedOn[0]?.startsWith(`${engines.node.replace('>=', '')}.`), engines.node);
  assert.ok(runtime.triedOn.includes(runtime.node));
});

function provided(version: string): string | NoNode {
  try {
    return join(provideNode(version), 'bin/node');
  } catch (error) {
    if (error instanceof NoNode) return error;
    throw error;
  }
}
