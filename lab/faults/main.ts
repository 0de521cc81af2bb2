// SPDX-License-Identifier: Apache-2.0
// npm run test:faults [-- --rounds N] [--write] [words]: plays faults against the agent as built, and says what came of each. Words choose by name.
// It runs in a network namespace and with a /run/tapscope of its own, so that an agent of this host is left alone.
import { parseArgs } from 'node:util';
import { scoped } from '../../test/host/scope.ts';
import { readSection, writeSection } from '../report/report.ts';
import { FAULTS } from './all-faults.ts';
import { type Fault, isGood, type Played } from './fault.ts';
import { FaultHost } from './fault-host.ts';
import { complaints, faultTable, renewed } from './fault-table.ts';
import { intrusions } from './intrusions.ts';
import { onOwnHost } from './own-host.ts';
import { playFault } from './play-fault.ts';

const ROUNDS = 20;

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, write: { type: 'boolean', default: false } },
  allowPositionals: true,
});

/** Plays the fault on a host of its own: what one fault breaks is not there for the next. */
function playAlone(fault: Fault, rounds: number): Promise<Played> {
  return scoped(async (t) => {
    const host = await FaultHost.make(t);
    const played = await playFault(host, fault, rounds);
    for (const note of host.notes) console.error(note);
    return played;
  });
}

async function play(): Promise<number> {
  const chosen = FAULTS.filter(
    ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
  );
  const rounds = Number(values.rounds ?? ROUNDS);
  const played: Played[] = [];
  for (const fault of chosen) {
    const began = performance.now();
    const one = await playAlone(fault, rounds);
    played.push(one);
    const grown = one.grown === undefined ? '' : `, grew by ${Math.round(one.grown / 1e6)} MB`;
    const took = ((performance.now() - began) / 1000).toFixed(1);
    console.error(`${isGood(one) ? 'good' : 'BAD '} ${one.name}: ${one.rounds.length} rounds in ${took} s${grown}`);
    for (const line of complaints(one)) console.error(`  ${line}`);
  }
  const text = faultTable(played);
  console.log(text);
  const attempts = intrusions.table();
  if (attempts !== undefined) {
    console.log(`\n${attempts}`);
    if (values.write) writeSection('intruder', intrusions.summary());
  }
  if (values.write) writeSection('faults', positionals.length > 0 ? renewed(readSection('faults'), text) : text);
  return played.length > 0 && played.every(isGood) ? 0 : 1;
}

process.exitCode = await onOwnHost(play);
