// SPDX-License-Identifier: Apache-2.0
// What the agent needs runs out or breaks: descriptors, memory, rows, disk, its folder, the clock, its place as the only agent.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Finished, tapscope } from '../../../test/agent/serve-process.ts';
import type { NamespaceLab } from '../../../test/host/netns.ts';
import type { TestReader } from '../../../test/test-reader/test-reader.ts';
import type { Fault } from '../fault.ts';
import { type FaultHost, SOCKET, type StartOptions, soon } from '../fault-host.ts';
import { FOLDER } from '../traces.ts';

/** The exit code after which the systemd unit does not start the agent again. */
const NO_ROOM = 78;
const LOOK_MS = 1200;
const DAY_S = 86_400;
const SHIM = join(import.meta.dirname, '../../../dist/lab/shifted-clock.so');
const MEMORY = '/sys/fs/cgroup/memory';
const SMALL = 90 * 2 ** 20;
/** Two packets of a tap take two rows and one of the device. */
const TAPS_FOR_ROWS = 2100;
const CROWD_WITHIN_MS = 120_000;

/** The agent must end with one sentence. */
function assertRefused({ code, stderr }: Finished, sentence: RegExp): void {
  assert.ok(code === 1 || code === NO_ROOM, `ended with ${code}: ${stderr.slice(0, 300)}`);
  assert.match(stderr, sentence);
  assert.match(stderr, /^tapscope: [^\n]+\.\n$/);
}

/** An agent that is started so must end with a sentence; the next one is as always. */
function refused(name: string, sentence: RegExp, options: (host: FaultHost) => StartOptions, undo = () => {}): Fault {
  return {
    name,
    play: async (host) => {
      await host.stop();
      const { end } = host.begin(options(host));
      const finished = await end;
      undo();
      host.over();
      assertRefused(finished, sentence);
    },
  };
}

function clockOf({ folder }: FaultHost): string {
  return join(folder, 'clock');
}

function setClock(host: FaultHost, seconds: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(seconds));
  writeFileSync(clockOf(host), bytes);
}

function clockFault(name: string, seconds: number): Fault {
  return {
    name,
    start: (host) => {
      setClock(host, 0);
      return { wrapper: ['env', `LD_PRELOAD=${SHIM}`, `TAPSCOPE_CLOCK=${clockOf(host)}`] };
    },
    play: async (host) => {
      await host.loaded.load();
      for (const shift of [seconds, 0]) {
        setClock(host, shift);
        await wait(LOOK_MS / 2);
        const age = (await host.page()).value('tapscope_snapshot_age_seconds') ?? Number.NaN;
        assert.ok(age >= 0 && age < 5, `a snapshot of ${age} s`);
      }
      host.over();
    },
  };
}

/** Makes a limited group in the cgroup hierarchy that has the memory controller. */
function memoryLimit(): { readonly procs: string; readonly undo: () => void } {
  const isOne = existsSync(join(MEMORY, 'memory.limit_in_bytes'));
  const folder = join(isOne ? MEMORY : '/sys/fs/cgroup', 'tapscope-faults');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, isOne ? 'memory.limit_in_bytes' : 'memory.max'), String(SMALL));
  return { procs: join(folder, 'cgroup.procs'), undo: () => rmdirSync(folder) };
}

let crowd: Crowd | undefined;

export const SHORTAGES: readonly Fault[] = [
  refused('too few descriptors at the start', /open files/, () => ({ wrapper: ['prlimit', '--nofile=50'] })),
  (() => {
    let undo = (): void => {};
    return refused(
      'a memory limit that is too small',
      /memory/,
      () => {
        const limit = memoryLimit();
        undo = limit.undo;
        return { wrapper: ['sh', '-c', `echo $$ > ${limit.procs}; exec "$@"`, 'sh'] };
      },
      () => undo(),
    );
  })(),
  {
    name: 'more devices than rows',
    play: async (host) => {
      crowd ??= await Crowd.make(host.lab, TAPS_FOR_ROWS);
      await soon(
        'no row is left',
        async () => {
          const lost = (await host.page()).value('tapscope_events_lost_total', { cause: 'no_row' }) ?? 0;
          if (lost === 0) await crowd?.send();
          return lost > 0;
        },
        CROWD_WITHIN_MS,
      );
      const late = await host.tap('faultlate', 10);
      await late.burst(30);
      await late.drain();
      host.over();
      await host.isRight(late);
      host.taps.delete(late);
      await late.close();
    },
    after: async () => {
      await crowd?.leave();
      crowd = undefined;
    },
  },
  {
    name: 'a recording fills its disk',
    play: async (host) => {
      const disk = join(host.folder, 'disk');
      mkdirSync(disk, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'none', disk]);
      writeFileSync(join(disk, 'all-of-it'), Buffer.alloc(8192));
      const words = ['record', `--output=${join(disk, 'a.rec')}`, '--for=2s', `--socket=${SOCKET}`];
      const { code, stderr } = await tapscope(words);
      execFileSync('umount', [disk]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^tapscope: [^\n]*(?:ENOSPC|no space|full)[^\n]*\n$/i);
      host.over();
    },
  },
  {
    name: '/run/tapscope is read-only at the start',
    play: async (host) => {
      await host.stop('SIGKILL');
      const mount = (mode: string): unknown => execFileSync('mount', ['-o', `remount,${mode}`, FOLDER]);
      mount('ro');
      try {
        await host.start();
      } finally {
        mount('rw');
      }
      await host.stop();
      host.over();
    },
    says: /socket [^\n]+ cannot be made \([^\n]*EROFS/,
  },
  {
    name: 'the files of /run/tapscope are removed',
    play: async (host) => {
      await host.loaded.load();
      for (const name of readdirSync(FOLDER)) rmSync(join(FOLDER, name), { recursive: true });
      await soon('lock and socket are there again', () => readdirSync(FOLDER).length === 2, 5000);
      host.over();
      const { stdout } = await tapscope(['doctor', `--socket=${SOCKET}`]);
      assert.match(stdout, new RegExp(`An agent runs, pid ${host.agent.pid}, `));
    },
  },
  {
    name: 'a second agent is started',
    play: async (host) => {
      await host.loaded.load();
      assertRefused(await host.begin().end, new RegExp(`Another tapscope agent runs.*pid ${host.agent.pid}`));
      host.over();
    },
  },
  clockFault('the clock is set forward by a day, and back', DAY_S),
  clockFault('the clock is set back by a day, and forward', -DAY_S),
];

// More taps than the agent has rows of counters for, each with a packet.
const TEST_READERS = 4;

class Crowd {
  readonly #testReaders: readonly TestReader[];
  readonly #names: readonly string[];

  private constructor(testReaders: readonly TestReader[], names: readonly string[]) {
    this.#testReaders = testReaders;
    this.#names = names;
  }

  static async make(lab: NamespaceLab, taps: number): Promise<Crowd> {
    const names = Array.from({ length: taps }, (_, index) => `crowd${index}`);
    const testReaders = await Promise.all(Array.from({ length: TEST_READERS }, () => lab.testReader()));
    const crowd = new Crowd(testReaders, names);
    await crowd.#each(async (testReader, name) => testReader.open(name, name, 'tap'));
    await lab.ipBatch(names.map((name) => `link set dev ${name} up`));
    return crowd;
  }

  async send(): Promise<void> {
    await this.#each((testReader, name) => testReader.frames(name, 1, 0));
  }

  async leave(): Promise<void> {
    await Promise.all(this.#testReaders.map((testReader) => testReader.quit()));
  }

  async #each(work: (testReader: TestReader, name: string) => Promise<unknown>): Promise<void> {
    const share = async (testReader: TestReader, which: number): Promise<void> => {
      for (const [index, name] of this.#names.entries())
        if (index % TEST_READERS === which) await work(testReader, name);
    };
    await Promise.all(this.#testReaders.map(share));
  }
}
