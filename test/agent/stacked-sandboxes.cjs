// SPDX-License-Identifier: Apache-2.0
// argv: a program and its words, in as many sandboxes of Landlock in each other as the kernel allows. Each forbids to make block devices, which
// nothing here does.
const { spawnSync } = require('node:child_process');
const { closeSync, openSync } = require('node:fs');
const { join } = require('node:path');
const { call } = require(join(__dirname, '../../dist/test/raw-syscall.node'));

const CREATE_RULESET = 444;
const RESTRICT_SELF = 446;
const MAKE_BLOCK = 1 << 11;
/** landlock.h: LANDLOCK_MAX_NUM_LAYERS */
const MOST = 16;

/** The kernel's answers, of which 0 is one. */
function must(error) {
  if (error !== 0) throw new Error(`Landlock: errno ${error}`);
}

const handled = Buffer.alloc(8);
handled.writeUInt32LE(MAKE_BLOCK);
// call() says no descriptor: it is the lowest that was free.
const rules = openSync('/dev/null');
closeSync(rules);
must(call(CREATE_RULESET, handled, handled.length, 0));
for (let layer = 0; layer < MOST; layer += 1) must(call(RESTRICT_SELF, rules, 0));
const [program, ...words] = process.argv.slice(2);
process.exitCode = spawnSync(program, words, { stdio: 'inherit' }).status;
