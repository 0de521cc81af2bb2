// SPDX-License-Identifier: Apache-2.0
// Runs inside the VM, with reporter.cjs: loads what the tests need and takes the test files named into this one process.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

// Others come when they are needed; these are known by a file of theirs.
execFileSync('modprobe', ['-a', 'tun', 'vhost_net', 'pktgen', 'bridge', 'sch_codel']);
// The product has statistics on for moments, and each switch rewrites code too. Switched on for good, nothing is rewritten.
writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '1');
for (const file of process.argv.slice(2)) {
  await import(pathToFileURL(resolve(file)).href).catch((error: unknown) =>
    test(file, () => {
      throw error;
    }),
  );
}
