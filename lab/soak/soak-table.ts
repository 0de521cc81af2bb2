// SPDX-License-Identifier: Apache-2.0
// What a long run showed: each quantity's line over time, what was wrong, and who was not answered.
import { sumOf } from '../../src/engine/queue-sums.ts';
import { grouped, markdown } from '../report/report.ts';
import { type Fit, fitLine, type Point } from './linear-fit.ts';
import { type Entry, type OfKind, ofKind } from './soak-record.ts';

const HOUR = 3600;
const MINUTE = 60;
/** The history of the process that serves is full after 35 minutes (src/history/history.ts). */
const HISTORY_S = 35 * MINUTE;
/** What V8 has in use after a collection grows by 0.4 MiB an hour until then, and not after it (docs/reliability.md). */
const WARM_UP_MOST_S = 110 * MINUTE;
/** Parts of the run: the process that serves is killed now and then before the first, and again after the second. */
const KILLS_UNTIL = 0.06;
const KILLS_FROM = 0.94;
/** How long after a fault a client may be without an answer. */
const AFTERMATH_S = 3;
/** A run that was ended so early has no lines. */
const LEAST_SAMPLES = 6;
/** PSS is left out: it grows when other programs end that share Node’s code with the agent. Its own memory has all that it takes itself. */
const GROWING = /^(?:(?:counting|serving): (?!PSS)|BPF|rows)/;
const OF_HISTORY = /^serving: own memory/;
const CPU_OF_AGENT = 'CPU of the agent, ms';
const CPU_OF_RUN = 'CPU of the run itself, ms';

/** Where the line begins: half of the run, and no later than that. */
function warmUp(hours: number): number {
  return Math.min(WARM_UP_MOST_S, (HOUR * hours) / 2);
}

/** Whether the process that serves must live through this moment: from the last kills before the line begins to the end of it. */
export function isFitted(s: number, hours: number): boolean {
  return s > KILLS_UNTIL * HOUR * hours && s < KILLS_FROM * HOUR * hours;
}

interface Soaked {
  readonly text: string;
  /** What is not as it must be, a sentence each. */
  readonly complaints: readonly string[];
}

interface Quantity {
  readonly name: string;
  readonly points: readonly Point[];
  readonly fit: Fit;
  /** Whether growth of it is held against the agent. */
  readonly isJudged: boolean;
}

export function report(entries: readonly Entry[]): Soaked {
  const [begin] = ofKind(entries, 'begin');
  if (!begin) throw new Error('The record has no beginning.');
  const lasted = Math.max(...entries.map((entry) => ('s' in entry ? entry.s : 0)));
  // A run that was ended before its time is as long as it was.
  const hours = Math.min(begin.hours, lasted / HOUR);
  const quantities = quantitiesOf(ofKind(entries, 'sample'), begin.hours, hours);
  const text = [
    facts(entries, begin, lasted),
    '',
    markdown([HEADER, ...quantities.map(row)]),
    '',
    `The line begins after ${Math.round(warmUp(hours) / MINUTE)} minutes; ${quantities[0]?.points.length ?? 0} samples. Growth is held against the agent when the 99.9 % interval of its slope is above 0.`,
  ];
  return { text: text.join('\n'), complaints: [...complaintsOf(entries), ...quantities.flatMap(grown)] };
}

const HEADER = ['quantity', 'first', 'last', 'slope an hour', '99.9 % interval', ''];

function quantitiesOf(samples: readonly OfKind<'sample'>[], planned: number, hours: number): readonly Quantity[] {
  const from = warmUp(hours);
  const fitted = samples.filter(({ s }) => s >= from && isFitted(s, planned));
  if (fitted.length < LEAST_SAMPLES) return [];
  const names = Object.keys(samples[0]?.figures ?? {}).filter((name) => name !== CPU_OF_AGENT && name !== CPU_OF_RUN);
  return names.map((name) => {
    const points = fitted.map(({ s, figures }) => ({ at: s, value: figures[name] ?? Number.NaN }));
    const isFull = from - KILLS_UNTIL * HOUR * planned >= HISTORY_S;
    return { name, points, fit: fitLine(points), isJudged: GROWING.test(name) && (isFull || !OF_HISTORY.test(name)) };
  });
}

const decimal = (value: number): string => (Math.abs(value) < 0.05 ? '0' : value.toFixed(1));
const signed = (value: number): string =>
  (decimal(value).startsWith('-') || decimal(value) === '0' ? '' : '+') + decimal(value);

const isGrowing = ({ fit }: Quantity): boolean => fit.low > 0;

function row(quantity: Quantity): readonly string[] {
  const { name, points, fit, isJudged } = quantity;
  const word = isJudged ? (isGrowing(quantity) ? 'grows' : 'within noise') : 'not judged';
  return [
    name,
    decimal(points[0]?.value ?? Number.NaN),
    decimal(points.at(-1)?.value ?? Number.NaN),
    signed(HOUR * fit.slope),
    `${signed(HOUR * fit.low)} to ${signed(HOUR * fit.high)}`,
    word,
  ];
}

function grown(quantity: Quantity): readonly string[] {
  if (!quantity.isJudged || !isGrowing(quantity)) return [];
  return [`${quantity.name} grows by ${signed(HOUR * quantity.fit.slope)} an hour`];
}

function facts(entries: readonly Entry[], { kernel, seed }: OfKind<'begin'>, lasted: number): string {
  const [faults, lives, asked] = [ofKind(entries, 'fault'), ofKind(entries, 'life'), ofKind(entries, 'asked')];
  const samples = ofKind(entries, 'sample');
  const share = (name: string): string => {
    const [first, last] = [samples[0], samples.at(-1)];
    // A process that is killed takes its own along.
    const steps = samples.slice(1).map((one, index) => (one.figures[name] ?? 0) - (samples[index]?.figures[name] ?? 0));
    const ms = sumOf(steps.filter((step) => step > 0));
    return ((100 * ms) / (1000 * ((last?.s ?? 0) - (first?.s ?? 0)))).toFixed(1);
  };
  const wrong = sumOf([...faults, ...lives].map((one) => one.wrong));
  const unanswered = asked.filter(({ failure }) => failure !== undefined);
  return [
    `${Math.round(lasted / MINUTE)} minutes on Linux ${kernel}, seed ${seed}:`,
    '',
    `* ${grouped(lives.length)} namespaces with ${grouped(sumOf(lives.map(({ taps }) => taps)))} taps came and went, with ${grouped(sumOf(lives.map(({ sent }) => sent)))} packets. Rings that are too small lost ${grouped(sumOf(lives.map(({ lost }) => lost)))} of these.`,
    `* ${grouped(faults.length)} faults were played, of ${new Set(faults.map(({ name }) => name)).size} kinds.`,
    `* Packets by which a figure was wrong without a mark: ${grouped(wrong)}. Marked: ${sumOf(lives.map(({ marked }) => marked))} taps, and after ${faults.filter(({ isMarked }) => isMarked).length} faults.`,
    `* ${grouped(asked.length)} scrapes and commands were asked, ${grouped(unanswered.length)} got no answer, of which ${unanswered.filter((one) => isOfFault(one, faults)).length} during a fault.`,
    `* The agent took ${share(CPU_OF_AGENT)} % of a core, with a scrape every two seconds and those of the comparisons.`,
  ].join('\n');
}

/** Kills and stops of the agent's own processes keep its clients waiting, and nothing else may. */
function isOfFault(one: OfKind<'asked'>, faults: readonly OfKind<'fault'>[]): boolean {
  return faults.some(({ began, s }) => one.s >= began && one.began <= s + AFTERMATH_S);
}

function complaintsOf(entries: readonly Entry[]): readonly string[] {
  const [faults, lives] = [ofKind(entries, 'fault'), ofKind(entries, 'life')];
  const [end] = ofKind(entries, 'end');
  return [
    ...faults
      .filter(({ wrong }) => wrong > 0)
      .map(({ name, wrong, s }) => `${name} (second ${Math.round(s)}): wrong by ${wrong}`),
    ...faults.flatMap(({ name, failure, s }) => (failure ? [`${name} (second ${Math.round(s)}): ${failure}`] : [])),
    ...lives
      .filter(({ wrong }) => wrong > 0)
      .map(({ wrong, s }) => `taps of second ${Math.round(s)}: wrong by ${wrong}`),
    ...lives.flatMap(({ unanswered = 0, s }) =>
      unanswered > 0 ? [`${unanswered} taps of second ${Math.round(s)} were not compared: no page came in time`] : [],
    ),
    ...ofKind(entries, 'asked').flatMap((one) =>
      one.failure === undefined || isOfFault(one, faults)
        ? []
        : [`${one.what} (second ${Math.round(one.s)}) got no answer: ${one.failure}`],
    ),
    ...(end?.left ?? []).map((what) => `left behind: ${what}`),
    ...(end && end.stacks > 0 ? ['the agent printed a stack'] : []),
  ];
}
