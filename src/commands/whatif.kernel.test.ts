// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope whatif` as built, on real taps: with an agent and without, and what it says where no size is the answer.
import assert from 'node:assert/strict';
import test, { describe, type TestContext } from 'node:test';
import { type Finished, standingAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { assertValid } from '../../test/host/valid-json.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import { askSnapshot } from './ask-agent.ts';

interface Scene {
  readonly lab: NamespaceLab;
  readonly reader: TestReader;
  send(packets: number): Promise<void>;
  /** In the background, until the test ends. */
  flood(perSecond: number): Promise<void>;
  /** The socket of the agent, which remembers what is sent from now on. */
  readonly socket: string;
  ask(...args: readonly string[]): Promise<Finished>;
}

async function scene(t: TestContext, ring: number): Promise<Scene> {
  const { socket } = await standingAgent();
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  await reader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', ring);
  const sender = await lab.testReader();
  const begun = (await askSnapshot(socket)).takenAt;
  return {
    lab,
    reader,
    send: async (packets) => void (await sender.udp(peer, 9, packets, 64)),
    flood: (perSecond) => sender.stream('flood', 'tap0', perSecond, 64),
    socket,
    ask: async (...args) => {
      await laterBy(socket, begun, 3);
      return tapscope(['whatif', 'tap0', '--netns', lab.name, '--socket', socket, ...args]);
    },
  };
}

/** The history has a step a second; a device is told of from its third second on. */
async function laterBy(socket: string, begun: number, seconds: number): Promise<void> {
  while ((await askSnapshot(socket)).takenAt < begun + seconds) await new Promise((done) => setTimeout(done, 200));
}

/** Bursts of 700 into a ring of 200, and one packet behind the last. */
async function overflow({ send, reader }: Scene): Promise<void> {
  for (let burst = 0; burst < 3; burst++) {
    await send(700);
    await reader.read('a', 'all');
  }
  await send(1);
  await reader.read('a', 'all');
}

describe('each on a tap of its own, side by side: most of their time they wait', { concurrency: 4 }, () => {
  test('the agent knows the ring that would have lost nothing, and the command sets it', { skip: noLab }, async (t) => {
    const here = await scene(t, 200);
    await here.send(1);
    const begun = (await askSnapshot(here.socket)).takenAt;
    await laterBy(here.socket, begun, 2);
    await overflow(here);
    const { code, stdout, stderr } = await here.ask();
    assert.deepEqual([code, stderr], [0, '']);
    const [answer = ''] = stdout.split('\n\n');
    assert.match(
      answer.replaceAll('\n', ' '),
      /^tap0: txqueuelen 720 would have lost nothing in the last \S+ \S+; 200 lost 1 50\d of 2 10\d packets \(7\d %\)\.$/,
    );
    assert.match(stdout, /\n +200 +1 50\d +7\d % .* now\n +400 +90\d +4\d % /);
    assert.match(stdout, /\nBackpressure: /);
    const command = stdout.split('\n').find((line) => line.startsWith('ip netns exec')) ?? assert.fail(stdout);
    assert.equal(command, `ip netns exec ${here.lab.name} ip link set dev tap0 txqueuelen 720`);

    const asJson = await here.ask('--json', '--size', '600');
    assert.equal(asJson.stderr, '');
    const told = parseJson(asJson.stdout);
    assertValid('whatif', told);
    assert.deepEqual([numberAt(told, 'advised'), numberAt(told, 'size'), at(told, 'helps')], [720, 200, true]);
    assert.equal(textAt(told, 'command'), command);

    await here.lab.exec('sh', '-c', command.replace(/^ip netns exec \S+ /, ''));
    const changed = (await askSnapshot(here.socket)).takenAt;
    await laterBy(here.socket, changed, 3);
    await overflow(here);
    // Losses of the smaller ring do not apply to this one.
    const again = await here.ask('--json');
    assert.deepEqual([again.code, again.stderr], [0, '']);
    const now = parseJson(again.stdout);
    assert.deepEqual([numberAt(now, 'size'), numberAt(now, 'lost'), at(now, 'advised')], [720, 0, undefined]);
  });

  test('without an agent it watches itself', { skip: noLab }, async (t) => {
    const here = await scene(t, 200);
    await here.send(1);
    let isDone = false;
    const answer = tapscope(
      ['whatif', 'tap0', '--netns', here.lab.name, '--for', '3', '--socket', '/nonexistent', '--json'],
      {},
    ).finally(() => {
      isDone = true;
    });
    while (!isDone) await overflow(here);
    const { code, stdout, stderr } = await answer;
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(numberAt(parseJson(stdout), 'advised'), 720, stdout);
  });

  test('a ring that lost nothing', { skip: noLab }, async (t) => {
    const here = await scene(t, 500);
    await here.send(300);
    await laterBy(here.socket, Date.now() / 1000, 0); // a sample sees them all in the ring
    await here.reader.read('a', 'all');
    const { code, stdout } = await here.ask();
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^tap0: nothing to change, the ring lost nothing in the last .*high-water\smark\s300\sof\s500\)/s,
    );
  });

  test('a reader that takes nothing: no ring size helps, though the ring has room yet', { skip: noLab }, async (t) => {
    const here = await scene(t, 500);
    await here.send(300);
    const begun = (await askSnapshot(here.socket)).takenAt;
    await laterBy(here.socket, begun, 5);
    const { code, stdout } = await here.ask();
    assert.equal(code, 0);
    assert.match(
      stdout.replaceAll('\n', ' '),
      /^tap0: no ring size helps: its reader .* has taken nothing for \S+ s; the ring lost nothing yet /,
    );
  });

  test('a reader that is too slow: no ring size helps', { skip: noLab }, async (t) => {
    // Of so many packets a ring is empty only after 1.7 s without a CPU for the sender.
    const here = await scene(t, 500);
    await here.reader.readLoop('a', 300);
    await here.flood(4000);
    const begun = (await askSnapshot(here.socket)).takenAt;
    await laterBy(here.socket, begun, 6);
    const { code, stdout } = await here.ask('--for', '5');
    assert.equal(code, 0);
    const said = stdout.replaceAll('\n', ' ');
    assert.match(said, /^tap0: no ring size helps: the reader takes [\d ]+ a second and [\d ]+ come; 500 lost /);
    assert.doesNotMatch(said, /txqueuelen \d+$|would have lost nothing/);
  });

  test('what cannot be answered is one sentence', { skip: noLab }, async (t) => {
    const { lab, socket, reader } = await scene(t, 100);
    const refused = async (args: readonly string[], why: RegExp): Promise<void> => {
      const { code, stdout, stderr } = await tapscope(['whatif', '--socket', socket, ...args]);
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, why);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    };
    const scope = ['--netns', lab.name];
    await refused(['tap7', ...scope], /^tapscope: No tun, tap or macvtap device named tap7 .*is on this host/);
    await refused(['tap0', ...scope, '--size', 'large'], /^tapscope: --size=large is not a number of packets/);
    await refused(['tap0', ...scope, '--for', '1y'], /^tapscope: --for=1y is not a time between/);
    await reader.open('p', 'tap1', 'tap', 'persist');
    await reader.close('p');
    await lab.ip('link add v0 type veth peer name v1');
    await lab.ip('link add link v0 name macvtap0 type macvtap');
    const other = await namespaceLab(t);
    await (await other.testReader()).open('a', 'tap0', 'tap');
    const begun = (await askSnapshot(socket)).takenAt;
    await laterBy(socket, begun, 4);
    await refused(['tap1', ...scope], /^tapscope: tap1 has no reader, hence no ring/);
    await refused(['macvtap0', ...scope], /^tapscope: macvtap0 is a macvtap, whose overflows are not followed/);
    await refused(['tap0'], /^tapscope: tap0 may be \d+ devices; choose one: /);
  });
});

test('no agent and no rights', { skip: noLab }, async () => {
  const { code, stdout, stderr } = await tapscope(['whatif', 'tap0', '--for', '2', '--socket', '/nonexistent'], {
    wrapper: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
  });
  assert.deepEqual([code, stdout], [1, '']);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
});
