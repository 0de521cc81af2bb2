// SPDX-License-Identifier: Apache-2.0
// `tapscope demo`: real faults on taps of its own, and what check and diagnose say of each.

import { askSelf } from '../src/commands/ask-agent.ts';
import { type DemoOptions, FAULT_NAMES } from '../src/commands/bench.ts';
import { judgeSnapshots } from '../src/commands/run-diagnosis.ts';
import { layoutOf } from '../src/commands/terminal/terminal.ts';
import { thisHost } from '../src/commands/version.ts';
import { watchHost } from '../src/commands/watch.ts';
import { RULES } from '../src/diagnosis/all-rules.ts';
import { tunDriver } from '../src/kernel/host.ts';
import { type Checked, itemsOf, renderCheck } from '../src/outputs/check-text.ts';
import { counted, type Layout, paint, wrap } from '../src/outputs/terminal-text.ts';
import { type Judged, renderVerdict } from '../src/outputs/verdict.ts';
import type { AgentSelf } from '../src/server/agent-self.ts';
import type { Snapshot } from '../src/snapshot/snapshot.ts';
import { type Demo, FAULTS, type Fault, startDemo } from './demo-faults.ts';
import { onInterruption } from './interruption.ts';

/** Seconds for which each fault is watched. */
const WATCH_SECONDS = 6;
/** An agent that loads its programs does not answer for seconds; one that is stopped or frozen, never. */
const PATIENCE_MS = 2000;

/** Exit code 0: every fault was found; 1: one was not, or the demo failed. */
export async function demo({ fault, socket }: DemoOptions): Promise<number> {
  const faults = FAULTS.filter(({ name }) => fault === undefined || name === fault);
  if (faults.length === 0) throw new Error(`--fault=${fault} is unknown; write one of: ${FAULT_NAMES.join(', ')}.`);
  if (process.getuid?.() !== 0) throw new Error('tapscope demo makes taps and loads BPF programs: run it as root.');
  if (tunDriver() === undefined) throw new Error('The tun driver is not loaded: modprobe tun.');
  const interruption = onInterruption();
  const agent = await askSelf(socket, AbortSignal.timeout(PATIENCE_MS));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  say(
    `Makes taps in a network namespace of its own for about ${faults.length * (WATCH_SECONDS + 3)} s, and leaves nothing behind; Ctrl-C ends it.`,
  );
  if (agent)
    say(
      `The agent (pid ${agent.pid}) sees these taps too: its alerts may fire.${agent.page ? ` Its page: ${agent.page}` : ''}`,
    );
  const playing = await startDemo();
  // All that is waited for ends with it.
  interruption.signal.addEventListener('abort', () => void playing.end());
  try {
    const missed = await playAll(playing, faults, { agent, socket, signal: interruption.signal });
    await playing.end();
    process.stdout.write(renderDemoEnd(faults.length, missed));
    return missed.length === 0 ? 0 : 1;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    say('Interrupted: the taps are gone.');
    return interruption.code();
  } finally {
    await playing.end();
  }
}

interface Beside {
  /** undefined: none runs. */
  readonly agent: AgentSelf | undefined;
  readonly socket: string;
  readonly signal: AbortSignal;
}

/** Names of the faults that no rule found. */
async function playAll(
  playing: Demo,
  faults: readonly Fault[],
  { agent, socket, signal }: Beside,
): Promise<readonly string[]> {
  const missed: string[] = [];
  for (const [index, fault] of faults.entries()) {
    const judged = await playing.play(fault, (begun) =>
      watched(fault.device, playing.netns, { socket, signal, begun }),
    );
    signal.throwIfAborted();
    const checked = { ...judged, agent, rules: RULES.length };
    const place = `${index + 1} of ${faults.length}`;
    process.stdout.write(renderDemo(fault, place, checked, layoutOf(process.stdout)));
    const isFound = judged.verdict.findings.some(({ rule }) => rule === fault.name || rule === fault.otherwise);
    if (!isFound) missed.push(fault.name);
  }
  return missed;
}

interface Watching {
  readonly socket: string;
  readonly signal: AbortSignal;
  readonly begun: () => void;
}

async function watched(device: string, netns: number, watching: Watching): Promise<Judged> {
  const snapshots: Snapshot[] = [];
  const keep = (snapshot: Snapshot): number => snapshots.push(snapshot);
  await watchHost({ seconds: WATCH_SECONDS, mechanisms: [], keep, ...watching });
  watching.signal.throwIfAborted();
  return judgeSnapshots(snapshots, { device, netns: String(netns) }, thisHost());
}

/** The story, then the same words that check and diagnose have for it. `place`: '1 of 5'. */
function renderDemo({ name, device, story }: Fault, place: string, checked: Checked & Judged, layout: Layout): string {
  const head = wrap(`Fault ${place}, ${name}: ${story}`, layout.width).map((row) => paint(layout, 'bold', row));
  return [
    `${head.join('\n')}\n`,
    `# tapscope check ${device}\n${renderCheck(checked, itemsOf(checked), layout)}`,
    `# tapscope diagnose ${device}\n${renderVerdict(checked, layout)}\n`,
  ].join('\n');
}

function renderDemoEnd(faults: number, missed: readonly string[]): string {
  const found =
    missed.length === 0
      ? `${counted(faults, 'fault')} played, each found by its rule.`
      : `${counted(faults, 'fault')} played, not found: ${missed.join(', ')}.`;
  return `${found} The taps are gone; 'tapscope check' looks at this host's own.\n`;
}
