// SPDX-License-Identifier: Apache-2.0
// A BPF program that answers the same for each packet: what `ip link` and `tc` load, on kernels without the filters that do it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import type { Scene } from '../scene.ts';

/** Values of the kernel’s enum xdp_action, and of its TC_ACT_…. */
export const XDP_DROP = 1;
export const TC_SHOT = 2;

/** The file of the object, whose only program is in `section`; it goes when the case is over. */
export function answering(scene: Scene, section: string, answer: number): string {
  const folder = temporaryFolder({ after: (undo) => scene.after(async () => undo()) });
  const [source, object] = [join(folder, 'answer.c'), join(folder, 'answer.o')];
  writeFileSync(
    source,
    `__attribute__((section("${section}"), used)) int answer(void *context) { return ${answer}; }
char name_of_license[] __attribute__((section("license"), used)) = "GPL";
`,
  );
  execFileSync('clang', ['-O2', '-g', '-target', 'bpf', '-c', source, '-o', object]);
  return object;
}
