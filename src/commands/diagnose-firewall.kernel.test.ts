// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone, nftables.
// `tapscope diagnose` and `check` of a device name the rule that drops, and only where it is certain. Nobody who asks about all of the host is told OK.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

/** What is said of a tap to which the namespace sends, with these statements of nft and iptables. */
async function diagnosed(t: TestContext, ...commands: readonly (readonly [string, string])[]): Promise<string> {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  await reader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1000);
  for (const [program, words] of commands) await lab.exec(program, ...(program === 'nft' ? [words] : words.split(' ')));
  const sender = await lab.testReader();
  const answer = tapscope(['diagnose', 'tap0', '--netns', lab.name, '--for', '3', '--socket=/none']);
  let isDone = false;
  void answer.finally(() => {
    isDone = true;
  });
  while (!isDone) await Promise.all([sender.udp(peer, 9, 20, 64), wait(20)]);
  return (await answer).stdout.replaceAll(/\s+/g, ' ');
}

const FORWARDED = 'add table inet filter; add chain inet filter out { type filter hook output priority 0; }';

test('the one rule that drops, by its handle, and how to see it', { skip: noLab }, async (t) => {
  const said = await diagnosed(t, ['nft', `${FORWARDED}; add rule inet filter out udp dport 9 drop`]);
  assert.match(said, /on their way to it, by rule 2 of chain out, table inet filter\./);
  assert.match(said, /nothing else in nf_tables drops there; it has no counter/);
  assert.match(said, /Look: \S.* nft -a list chain inet filter out /);
});

test('of two rules that of iptables whose counter grew', { skip: noLab }, async (t) => {
  const said = await diagnosed(
    t,
    ['iptables-nft', '-A OUTPUT -p udp --dport 7 -j DROP'],
    ['iptables-nft', '-A OUTPUT -p udp --dport 9 -j DROP'],
  );
  assert.match(said, /by rule (\d+) of chain OUTPUT, table ip filter\./);
  assert.match(
    said,
    /it dropped \S+( \d+)* meanwhile by its counter; what else drops there has counters, and they stood still/,
  );
});

test('a policy that drops, where the only rule beside it has dropped nothing', { skip: noLab }, async (t) => {
  const said = await diagnosed(
    t,
    ['nft', 'add table inet f; add chain inet f out { type filter hook output priority 0; policy drop; }'],
    ['nft', 'add rule inet f out udp dport 7 counter drop'],
  );
  assert.match(said, /by the policy of chain out, table inet f\./);
});

test('two rules without counters: neither is named, and the way to look is', { skip: noLab }, async (t) => {
  const said = await diagnosed(t, [
    'nft',
    `${FORWARDED}; add rule inet filter out udp dport 7 drop; add rule inet filter out udp dport 9 drop`,
  ]);
  assert.match(said, /firewall dropped [\d ]+ of [\d ]+ packets on their way to it\./);
  assert.doesNotMatch(said, /by rule|by the policy/);
  assert.match(said, /nft list ruleset/);
});

test('what a guest sends, dropped by the host: a warning without being asked about that device, with the rule', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const guest = await lab.testReader();
  await guest.open('a', 'tun0', 'tun');
  await guest.open('b', 'tun1', 'tun');
  await lab.ipBatch([
    'link set tun0 up',
    'link set tun1 up',
    'addr add 10.77.255.1/32 dev tun0',
    'route add 10.77.255.2/32 dev tun0',
  ]);
  await lab.exec('nft', 'add table inet filter; add chain inet filter in { type filter hook input priority 0; }');
  await lab.exec('nft', 'add rule inet filter in iifname tun0 drop');
  const asked = ['check', 'diagnose'].map((command) =>
    tapscope([command, '--netns', lab.name, '--socket=/none', ...(command === 'check' ? [] : ['--for', '3'])]),
  );
  let isDone = false;
  const answers = Promise.all(asked).finally(() => {
    isDone = true;
  });
  void answers.catch(() => undefined);
  while (!isDone) await Promise.all([guest.write('a', 20, 100), wait(20)]);
  const [check, diagnose] = (await answers).map(({ stdout }) => stdout);
  assert.match(
    check ?? '',
    /^WARNING: tun0 loses all of what it sends, [\d ]+\/s: the firewall drops them, rule 2 of chain in, table inet filter\. Type: /,
  );
  assert.match(
    diagnose?.replaceAll(/\s+/g, ' ') ?? '',
    /^WARNING: tun0.*: the host dropped ([\d ]+) of \1 packets from its guest or writer: the firewall drops them, rule 2 of chain in, table inet filter\. .* Look: \S.* nft -a list chain inet filter in /,
  );
});

test('check of a device names the rule beside an agent, which may not read rules', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const guest = await lab.testReader();
  await guest.open('a', 'tun0', 'tun');
  await lab.ipBatch(['link set tun0 up', 'addr add 10.77.255.1/32 dev tun0', 'route add 10.77.255.2/32 dev tun0']);
  await lab.exec('nft', 'add table inet filter; add chain inet filter in { type filter hook input priority 0; }');
  await lab.exec('nft', 'add rule inet filter in udp dport 7 counter drop');
  await lab.exec('nft', 'add rule inet filter in iifname tun0 counter drop');
  const agent = await startAgent(t);
  let isDone = false;
  const flood = (async () => {
    while (!isDone) await Promise.all([guest.write('a', 20, 100), wait(20)]);
  })();
  lab.after(async () => {
    isDone = true;
    await flood;
  });
  let said = '';
  // A busy agent may take longer than check waits for it.
  await until(async () => {
    said = (await tapscope(['check', 'tun0', '--netns', lab.name, `--socket=${agent.socket}`])).stdout;
    return /rule 3 of chain in, table inet filter/.test(said);
  });
  assert.match(said, /^WARNING: tun0 .*the firewall drops them, rule 3 of chain in, table inet filter/);
});
