// SPDX-License-Identifier: Apache-2.0
// One path with random packets both ways, and whether the ledger of its device has each of them.
import assert from 'node:assert/strict';
import { type Ledger, type LedgerColumn, ledgerOf } from '../../src/diagnosis/ledger.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import type { AgentLab } from '../agent/agent-lab.ts';
import { parseJson } from '../host/checked-json.ts';
import { linkCounters } from '../host/counters.ts';
import type { NamespaceLab } from '../host/netns.ts';
import type { Random } from '../host/random.ts';
import { until } from '../host/until.ts';
import { GUEST, OPEN_PORT, type Path, QUEUE, siteOf, toPeer } from './path.ts';

const SINK_BYTES = 1 << 28;
const SIZE = 100;

/** What the ends counted. */
interface Truth {
  readonly sentTo: number;
  readonly read: number;
  readonly written: number;
  readonly arrived: number;
  /** Written, and to be dropped by this host. */
  readonly refused: number;
  /** The device by which the others leave, or by how many; neither: the host keeps them. */
  readonly leavesBy: string | undefined;
  readonly copies: number;
}

/** Plays `packets` of them; answers what was counted, for the record. Throws what `build` throws. */
export async function assertBalanced(
  t: Parameters<typeof siteOf>[0],
  agent: AgentLab,
  path: Path,
  random: Random,
  packets: number,
): Promise<string> {
  const site = await siteOf(t);
  const { near, guest } = site;
  const ends = await path.build(site);
  const ring = random.pick([20, 100, 500]) ?? 100;
  await near.ip(`link set ${ends.device} txqueuelen ${ring}`);
  const [service, sender] = [await ends.peer.testReader(), await ends.peer.testReader()];
  await service.listen(OPEN_PORT, SINK_BYTES);
  const arrived = await counter(ends.peer);

  const before = await atRest(agent, near, ends.device);
  const errors = await errorsSent(near);
  let [sentTo, read, written, refused] = [0, 0, 0, 0];
  const good = ends.frame(toPeer(ends.peerAddress));
  const bad = Object.values(ends.refused).map(ends.frame);
  for (let left = packets; left > 0; ) {
    const lump = Math.min(left, 1 + random.below(2 * ring));
    if (random.below(2) === 0) {
      const port = ends.blocked !== undefined && random.below(3) === 0 ? ends.blocked : OPEN_PORT;
      sentTo += (await sender.udp(GUEST, port, lump, SIZE)).sent;
      if (random.below(3) > 0) read += (await guest.read(QUEUE, 'all')).packets;
    } else {
      const frame = random.below(3) === 0 ? random.pick(bad) : undefined;
      const count = (await guest.frame(QUEUE, lump, frame ?? good)).written;
      written += count;
      if (frame) refused += count;
    }
    left -= lump;
  }
  await until(async () => (await arrived()) >= written - refused, 5000);
  read += (await guest.read(QUEUE, 'all')).packets;
  const after = await atRest(agent, near, ends.device);
  // The guest hears of most of what the host refused.
  sentTo += (await errorsSent(near)) - errors;
  const [leavesBy, copies] = [ends.leavesBy, ends.copies ?? 0];
  const truth = { sentTo, read, written, refused, leavesBy, copies, arrived: await arrived() };
  const ledger = ledgerBetween([before, after], near.inode, ends.device);
  const said = `${path.name}, ring ${ring}: ${JSON.stringify(truth)}\n${JSON.stringify(ledger)}`;
  assertLedger(ledger, truth, said);
  return said;
}

function assertLedger({ to, from, refused }: Ledger, truth: Truth, said: string): void {
  const delivered = to.rows.find(({ fate }) => fate.startsWith('delivered'))?.packets ?? 0;
  assert.deepEqual(
    {
      offered: to.total,
      delivered,
      lost: lostIn(to),
      unknownTo: to.unaccounted,
      passed: from.total,
      dropped: lostIn(from),
      unknownFrom: from.unaccounted,
      sentOn: packetsOf(from, `sent on by ${truth.leavesBy}`) + packetsOf(from, `copied to ${truth.copies} devices`),
      refused,
    },
    {
      offered: truth.sentTo,
      delivered: truth.read,
      lost: truth.sentTo - truth.read,
      unknownTo: 0,
      passed: truth.written,
      dropped: truth.refused,
      unknownFrom: 0,
      sentOn: truth.leavesBy || truth.copies ? truth.arrived : 0,
      refused: [],
    },
    said,
  );
  assert.equal(truth.arrived, truth.written - truth.refused, said);
  for (const { total, rows, unaccounted } of [to, from]) {
    assert.equal(
      rows.reduce((sum, { packets }) => sum + packets, unaccounted),
      total,
      said,
    );
    assert.ok(
      rows.every(({ packets }) => packets >= 0 && packets <= total),
      said,
    );
  }
}

function packetsOf({ rows }: LedgerColumn, wanted: string): number {
  return rows.find(({ fate }) => fate === wanted)?.packets ?? 0;
}

function lostIn({ rows }: LedgerColumn): number {
  return rows.filter(({ isLost }) => isLost).reduce((sum, { packets }) => sum + packets, 0);
}

function ledgerBetween(snapshots: readonly Snapshot[], netns: number, name: string): Ledger {
  const span = windowOf(snapshots).devices.find(({ now }) => now.netns === netns && now.name === name);
  const ledger = span && ledgerOf(span);
  assert.ok(ledger, `no ledger of ${name}`);
  return ledger;
}

/** Datagrams that came to the open port there, by a rule of the firewall. */
async function counter(lab: NamespaceLab): Promise<() => Promise<number>> {
  const chain = 'add chain ip count in { type filter hook input priority 0; }';
  await lab.exec('nft', `add table ip count; ${chain}; add rule ip count in udp dport ${OPEN_PORT} counter`);
  return async () => {
    const [, packets] = /packets (\d+)/.exec(await lab.exec('nft', 'list', 'chain', 'ip', 'count', 'in')) ?? [];
    return Number(packets);
  };
}

/** ICMP messages that the host made. */
async function errorsSent(lab: NamespaceLab): Promise<number> {
  const [names = '', values = ''] = (await lab.exec('sh', '-c', 'grep ^Icmp: /proc/net/snmp')).trim().split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('OutMsgs')]);
}

/** A snapshot between two equal readings of the kernel's counters; another one before it, for the agent's figures are final then. */
async function atRest(agent: AgentLab, lab: NamespaceLab, device: string): Promise<Snapshot> {
  const read = async (): Promise<string> =>
    JSON.stringify(linkCounters(parseJson(await lab.ip(`-j -s link show dev ${device}`))));
  let taken = await agent.snapshot();
  const isFollowed = ({ devices }: Snapshot): boolean =>
    devices.some(({ netns, name, sentOn }) => netns === lab.inode && name === device && sentOn);
  await until(async () => {
    if (!isFollowed(taken)) taken = await agent.snapshot();
    return isFollowed(taken);
  });
  await until(async () => {
    const was = await read();
    await agent.snapshot();
    taken = await agent.snapshot();
    return was === (await read());
  });
  return taken;
}
