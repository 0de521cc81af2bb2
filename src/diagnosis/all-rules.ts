// SPDX-License-Identifier: Apache-2.0
// The list of rules: a new rule is one file and one line here. If two speak of the same queue, the cause stands first.

import type { Rule } from './rule.ts';
import { agentBlind } from './rules/agent-blind.ts';
import { agentOverBudget } from './rules/agent-over-budget.ts';
import { backpressureLost } from './rules/backpressure-lost.ts';
import { backpressureStall } from './rules/backpressure-stall.ts';
import { bridgeMtu } from './rules/bridge-mtu.ts';
import { bridgePort } from './rules/bridge-port.ts';
import { bridgeTable } from './rules/bridge-table.ts';
import { bufferbloat } from './rules/bufferbloat.ts';
import { carrierOff } from './rules/carrier-off.ts';
import { deviceDown } from './rules/device-down.ts';
import { filterDrop } from './rules/filter-drop.ts';
import { fqHorizon } from './rules/fq-horizon.ts';
import { guestNotRefilling } from './rules/guest-not-refilling.ts';
import { hostFirewall } from './rules/host-firewall.ts';
import { hostRefuses } from './rules/host-refuses.ts';
import { lossUnexplained } from './rules/loss-unexplained.ts';
import { lowerRefuses } from './rules/lower-refuses.ts';
import { neighbourFailed } from './rules/neighbour-failed.ts';
import { noReader } from './rules/no-reader.ts';
import { notHere } from './rules/not-here.ts';
import { onwardDelay } from './rules/onward-delay.ts';
import { programSocketFull } from './rules/program-socket-full.ts';
import { qdiscDecorative } from './rules/qdisc-decorative.ts';
import { qdiscDelay } from './rules/qdisc-delay.ts';
import { qdiscDrop } from './rules/qdisc-drop.ts';
import { queueDead } from './rules/queue-dead.ts';
import { queueHot } from './rules/queue-hot.ts';
import { readerBlocked } from './rules/reader-blocked.ts';
import { readerCpuBound } from './rules/reader-cpu-bound.ts';
import { readerStalled } from './rules/reader-stalled.ts';
import { readerStarved } from './rules/reader-starved.ts';
import { redirectedAway } from './rules/redirected-away.ts';
import { ringFullBurst } from './rules/ring-full-burst.ts';
import { ringFullUnexplained } from './rules/ring-full-unexplained.ts';
import { selfInflicted } from './rules/self-inflicted.ts';
import { sendLimit } from './rules/send-limit.ts';
import { shortReads } from './rules/short-reads.ts';
import { txqlenZero } from './rules/txqlen-zero.ts';
import { uncountedLoss } from './rules/uncounted-loss.ts';
import { writerRefused } from './rules/writer-refused.ts';
import { xdpDrop } from './rules/xdp-drop.ts';
import { xdpOverflow } from './rules/xdp-overflow.ts';

export const RULES: readonly Rule[] = [
  txqlenZero,
  queueDead,
  queueHot,
  readerStalled,
  readerStarved,
  guestNotRefilling,
  readerCpuBound,
  readerBlocked,
  ringFullBurst,
  ringFullUnexplained,
  qdiscDecorative,
  xdpOverflow,
  bufferbloat,
  backpressureStall,
  backpressureLost,
  noReader,
  carrierOff,
  fqHorizon,
  bridgePort,
  bridgeTable,
  redirectedAway,
  bridgeMtu,
  qdiscDrop,
  qdiscDelay,
  onwardDelay,
  neighbourFailed,
  lossUnexplained,
  hostFirewall,
  filterDrop,
  shortReads,
  programSocketFull,
  sendLimit,
  writerRefused,
  deviceDown,
  xdpDrop,
  hostRefuses,
  lowerRefuses,
  selfInflicted,
  uncountedLoss,
  agentBlind,
  agentOverBudget,
  notHere,
];
