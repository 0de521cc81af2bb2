// SPDX-License-Identifier: Apache-2.0
// `tapscope drops --json` as built, followed by a test from its first line to its summary.
import { at, listAt, numberAt, numbersAt, parseJson, textAt } from '../host/checked-json.ts';
import { finished, launch, type RunOptions } from './serve-process.ts';

/** Packets by 'device where REASON function', '-' for what is not known. */
type LossCounts = Readonly<Record<string, number>>;

interface Followed {
  readonly pid: number;
  /** SIGINT, unless it has ended of itself. */
  end(): Promise<FollowedLosses>;
}

interface FollowedLosses {
  readonly code: number | null;
  readonly stderr: string;
  /** Sums of the lines of the seconds. */
  readonly losses: LossCounts;
  /** The sums in the summary, and those of other devices and of what guests sent. */
  readonly totals: LossCounts;
  readonly elsewhere: LossCounts;
  readonly packets: readonly unknown[];
  readonly stacks: readonly unknown[];
  readonly summary: LossFigures;
}

/** Packets. */
interface LossFigures {
  readonly lost: number;
  readonly shown: number;
  readonly overLimit: number;
  readonly noRoom: number;
  readonly untraced: number;
  readonly afterEnd: number;
  readonly skipped: number;
  /** The share of one CPU that the command took. */
  readonly ownCpu: number;
  readonly seconds: number;
}

/** Resolves when losses are counted. */
export async function followDrops(
  t: { after(undo: () => Promise<unknown>): void },
  args: readonly string[],
  options: RunOptions = {},
): Promise<Followed> {
  const child = launch(['drops', '--follow', '--json', ...args], options);
  const end = finished(child);
  t.after(async () => {
    child.kill('SIGKILL');
    await end;
  });
  const started = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  await Promise.race([
    started,
    end.then(({ code, stderr }) => Promise.reject(new Error(`It ended with ${code}: ${stderr}`))),
  ]);
  return {
    pid: child.pid ?? 0,
    end: async () => {
      child.kill('SIGINT');
      const { code, stdout, stderr } = await end;
      const lines = stdout.trimEnd().split('\n').map(parseJson);
      const ofType = (type: string): readonly unknown[] => lines.filter((line) => textAt(line, 'type') === type);
      const summary = ofType('summary')[0];
      return {
        code,
        stderr,
        losses: sumsOf(ofType('loss')),
        totals: sumsOf(listAt(summary, 'losses')),
        elsewhere: sumsOf(listAt(summary, 'elsewhere')),
        packets: ofType('packet'),
        stacks: ofType('stack'),
        summary: figuresOf(summary),
      };
    },
  };
}

export function notShown({ overLimit, noRoom, untraced, afterEnd }: LossFigures): number {
  return overLimit + noRoom + untraced + afterEnd;
}

function figuresOf(summary: unknown): LossFigures {
  const { packets: lost, ...figures } = numbersAt(
    summary,
    'packets',
    'shown',
    'afterEnd',
    'skipped',
    'ownCpu',
    'seconds',
  );
  return { lost, ...figures, ...numbersAt(at(summary, 'notShown'), 'overLimit', 'noRoom', 'untraced') };
}

function sumsOf(losses: readonly unknown[]): LossCounts {
  const sums: Record<string, number> = {};
  for (const loss of losses) {
    const name = `${textAt(loss, 'device')} ${textAt(loss, 'where')} ${textAt(loss, 'reason')} ${at(loss, 'location') ?? '-'}`;
    sums[name] = (sums[name] ?? 0) + numberAt(loss, 'packets');
  }
  return sums;
}
