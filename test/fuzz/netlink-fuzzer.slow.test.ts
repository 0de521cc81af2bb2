// SPDX-License-Identifier: Apache-2.0
// Needs: libclang-rt-dev.
// libFuzzer with Address- and UndefinedBehaviorSanitizer on the addon's reader of rtnetlink: the inputs that are kept, and 20 s of new ones (five minutes with WHOLE=1).
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/kernel/package.ts';
import { isWhole } from '../whole.ts';

const SECONDS = isWhole ? 300 : 20;
const FUZZER = 'dist/test/netlink-fuzzer';
const CORPUS = 'test/fuzz/corpus/netlink';
const folder = execFileSync('clang', ['-print-resource-dir'], { encoding: 'utf8' }).trim();
const library = join(folder, `lib/linux/libclang_rt.fuzzer-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.a`);
const noFuzzer = existsSync(library) ? false : 'needs libFuzzer: apt install libclang-rt-dev';

test(`${SECONDS} s of random datagrams`, { skip: noFuzzer }, (t) => {
  const cwd = packageRoot();
  const found = mkdtempSync(join(tmpdir(), 'tapscope-fuzz-'));
  t.after(() => rmSync(found, { recursive: true }));
  execFileSync('make', ['--silent', '--no-print-directory', '-C', 'test', `../${FUZZER}`], { cwd });
  const words = [`-max_total_time=${SECONDS}`, '-max_len=4096', '-print_final_stats=1', `-artifact_prefix=${found}/`];
  const { status, stderr } = spawnSync(FUZZER, [...words, found, CORPUS], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  t.diagnostic(/stat::number_of_executed_units: \d+/.exec(stderr)?.[0] ?? 'no count');
  // It prints the input that failed in base64: kept in the corpus, it is played each time.
  assert.equal(status, 0, stderr.slice(-3000));
});
