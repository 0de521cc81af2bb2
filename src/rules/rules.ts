// SPDX-License-Identifier: Apache-2.0
// The list: a new rule is one file and one line here. Of two that speak of the same queue, the cause stands first.
import { agentBlind } from './agent-blind.ts';
import { backpressureLost } from './backpressure-lost.ts';
import { backpressureStall } from './backpressure-stall.ts';
import { bridgeMtu } from './bridge-mtu.ts';
import { bufferbloat } from './bufferbloat.ts';
import { deviceDown } from './device-down.ts';
import { filterDrop } from './filter-drop.ts';
import { fqHorizon } from './fq-horizon.ts';
import { guestNotRefilling } from './guest-not-refilling.ts';
import { hostFirewall } from './host-firewall.ts';
import { hostRefuses } from './host-refuses.ts';
import { lossUnexplained } from './loss-unexplained.ts';
import { neighbourFailed } from './neighbour-failed.ts';
import { noReader } from './no-reader.ts';
import { notHere } from './not-here.ts';
import { qdiscDecorative } from './qdisc-decorative.ts';
import { qdiscDrop } from './qdisc-drop.ts';
import { queueDead } from './queue-dead.ts';
import { queueHot } from './queue-hot.ts';
import { readerBlocked } from './reader-blocked.ts';
import { readerCpuBound } from './reader-cpu-bound.ts';
import { readerStalled } from './reader-stalled.ts';
import { readerStarved } from './reader-starved.ts';
import { ringFullBurst } from './ring-full-burst.ts';
import { ringFullUnexplained } from './ring-full-unexplained.ts';
import type { Rule } from './rule.ts';
import { selfInflicted } from './self-inflicted.ts';
import { txqlenZero } from './txqlen-zero.ts';
import { uncountedLoss } from './uncounted-loss.ts';
import { writerRefused } from './writer-refused.ts';
import { xdpDrop } from './xdp-drop.ts';
import { xdpOverflow } from './xdp-overflow.ts';

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
  fqHorizon,
  bridgeMtu,
  qdiscDrop,
  neighbourFailed,
  lossUnexplained,
  hostFirewall,
  filterDrop,
  writerRefused,
  deviceDown,
  xdpDrop,
  hostRefuses,
  selfInflicted,
  uncountedLoss,
  agentBlind,
  notHere,
];
