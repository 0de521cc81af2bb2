// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// The first remedy of each rule, pasted as printed while the fault of its scenario goes on: it ends it, or it only shows and says so.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { Remedy } from '../../src/diagnosis/finding.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { run } from '../../test/host/run.ts';
import { SCENARIOS } from './catalogue.ts';
import { PASTED, type Pasted } from './pasted.ts';
import type { Fault, Scenario } from './scenario.ts';
import { type Stage, stageOf } from './setup.ts';
import { type Watch, watch } from './watch-devices.ts';

/** Judgements, one a second: until a rule speaks on a busy machine, and until its remedy has worked. */
const MOST = 90;
/** Snapshots in which a fault that has ended is not seen. */
const QUIET = 4;
/** Faults at a time: more would take the CPU from each other's readers. */
const AT_ONCE = 4;

/** Messages of a kernel without the module. */
const LACKS = /(Specified qdisc kind is unknown|TC classifier not found|guest tap0\.\d [^']*': ENOENT)/;

interface Fallen {
  readonly pasted: Pasted;
  readonly stage: Stage;
  readonly fault: Fault;
}

async function first<Found>(watched: Watch, look: () => Found | undefined): Promise<Found | undefined> {
  for (let judgements = 0; judgements < MOST; judgements++) {
    const found = look();
    if (found !== undefined) return found;
    await watched.next();
  }
  return undefined;
}

async function remedyOf(watched: Watch, { pasted, stage }: Fallen): Promise<Remedy> {
  const found = await first(watched, () =>
    watched.judgements.at(-1)?.findings.find(({ rule, netns }) => rule === pasted.rule && netns === stage.lab.inode),
  );
  const said = watched.judgements.at(-1)?.findings.filter(({ netns }) => netns === stage.lab.inode);
  assert.ok(
    found,
    `${pasted.rule} was not said within ${MOST} s; instead: ${said?.map(({ cause }) => cause).join(' ')}`,
  );
  // What is proven to help stands before what only shows, where it is proven.
  const shows = pasted.effect === 'shows' ? found.remedies.find(({ inspects }) => inspects) : undefined;
  return shows ?? found.remedies[0] ?? assert.fail(`${pasted.rule} has no remedy`);
}

async function assertEnds(watched: Watch, { pasted, stage, fault }: Fallen, command: string): Promise<void> {
  const deviceIn = (snapshot: Snapshot | undefined): Device | undefined =>
    snapshot?.devices.find(({ netns, name }) => netns === stage.lab.inode && name === fault.device);
  let quiet = 0;
  let seen = watched.judgements.length;
  const ended = await first(watched, () => {
    if (watched.judgements.length === seen) return undefined;
    seen = watched.judgements.length;
    const [before, now] = (watched.judgements.at(-1)?.window ?? []).slice(-2).map(deviceIn);
    assert.ok(before && now, `${fault.device} is gone`);
    quiet = fault.holds(before, now) ? 0 : quiet + 1;
    return quiet >= QUIET ? true : undefined;
  });
  assert.ok(ended, `${pasted.rule}: '${command}' did not end '${pasted.scenario}'`);
}

async function prove(watched: Watch, fallen: Fallen, say: (text: string) => void): Promise<void> {
  const { pasted } = fallen;
  const remedy = await remedyOf(watched, fallen);
  const { command, by, inspects } = remedy;
  say(`${pasted.rule}: ${command ?? remedy.effect}`);
  if (pasted.effect === 'words') {
    assert.equal(command, undefined);
    assert.ok(remedy.effect.length > 0);
    return;
  }
  assert.ok(command, `${pasted.rule} says no command`);
  assert.equal(by, pasted.effect === 'guest' ? 'guest' : 'host');
  if (pasted.effect === 'guest') return;
  assert.equal(inspects ?? false, pasted.effect === 'shows', 'it says honestly whether it changes anything');
  const { stdout } = await run('sh', ['-c', command], { timeout: 60_000 });
  if (pasted.effect === 'shows') assert.notEqual(stdout, '', `'${command}' shows nothing`);
  else await assertEnds(watched, fallen, command);
}

/** Sets up the fault, or says why this kernel cannot play it. */
async function setUp(
  t: TestContext,
  pasted: Pasted,
): Promise<string | (Fallen & { readonly begin: () => Promise<unknown> })> {
  const scenario = scenarioOf(pasted);
  const { rings, rates, readers, faults } = scenario;
  const reader = readers.find((one) => one !== 'vhost') ?? 'vhost';
  const stage = await stageOf(t, { kernel: '', reader, ring: rings[0] ?? 100, rate: rates[0] ?? 0 });
  const fault = faults[0] ?? assert.fail();
  try {
    return { pasted, stage, fault, begin: await scenario.prepare(stage) };
  } catch (error) {
    return lacking(error);
  }
}

/** Throws it if it says something else. */
function lacking(error: unknown): string {
  const [, what] = LACKS.exec(String(error)) ?? [];
  if (what === undefined) throw error;
  return `this kernel cannot play it: ${what}`;
}

function scenarioOf({ scenario }: Pasted): Scenario {
  return SCENARIOS.find(({ name }) => name === scenario) ?? assert.fail(`there is no '${scenario}'`);
}

const { ONLY = '' } = process.env;
const chosen = PASTED.filter(({ rule }) => rule.includes(ONLY));

test('remedies, pasted', { skip: noLab }, async (t) => {
  await namespaceLab(t); // loads the driver
  await watch({}, async (watched) => {
    for (let from = 0; from < chosen.length; from += AT_ONCE) {
      await t.test(`${from + 1} to ${from + AT_ONCE}`, async (wave) => {
        const fallen: (Fallen & { readonly begin: () => Promise<unknown> })[] = [];
        for (const pasted of chosen.slice(from, from + AT_ONCE)) {
          const set = await setUp(wave, pasted);
          if (typeof set === 'string') await wave.test(pasted.rule, { skip: set }, () => undefined);
          else fallen.push(set);
        }
        for (let well = 0; well < 3; well++) await watched.next();
        const proofs = await Promise.allSettled(
          fallen.map(async (one) => {
            const lack = await one.begin().then(() => undefined, lacking);
            if (lack === undefined) await prove(watched, one, (text) => wave.diagnostic(text));
            return lack;
          }),
        );
        for (const [index, proof] of proofs.entries()) {
          const skip = proof.status === 'fulfilled' && proof.value;
          await wave.test(fallen[index]?.pasted.rule ?? '', skip ? { skip } : {}, () => {
            if (proof.status === 'rejected') throw proof.reason;
          });
        }
      });
    }
  });
});
