// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/tables/main.ts [--write] [SERIES…] [-- FLAGS…]: `tapscope bench` as built, in VMs of four CPUs; --write: into BENCHMARKS.md.
// npx tsx lab/tables/main.ts --pair [--rounds=10] [SERIES SERIES] [-- FLAGS…]: two kernels in turn, and what differs by more than noise.
import { program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { noVm, runInVm, type VmResult } from '../vm/boot.ts';
import { type Kernel, provideKernel } from '../vm/kernels.ts';
import { compareKernels } from './two-kernels.ts';

const SERIES = ['7.2', '7.3'];
const FLAGS = ['--seconds=0.5', '--repeats=3'];
const CPUS = 4;
const LIMIT_MS = 7_200_000;
/** Repeats of each kernel of a pair. */
const ROUNDS = 10;

const about = (flags: readonly string[]): string => `# What is transmitted and lost

\`tapscope bench\`, in VMs: the cells of the kernel series that gave tun IFF_BACKPRESSURE (Linux 7.3) and vhost-net its zero-copy
transmit. pktgen hands its packets to the device's transmit function, as there, and stops while the queue is stopped; "through
fq_codel" it hands them to the qdisc instead, which drops what it has no room for. Written by \`npm run bench:tables\`, here with
\`${flags.join(' ')}\`.

**The figures themselves are noise**: software emulation on a machine that others use too, where a CPU of the VM is less than a
real one, and four of them share two. The message is what holds in one run: tail-drop and no qdisc lose by the thousand; backpressure
loses nothing with one sender, and with four on one queue a packet now and then, which is sent while another CPU finds the ring full (tun
takes no lock of the queue); messages of more than a page are cheaper when vhost-net does not copy them. That the counts agree, to
the packet, is no noise.`;

const IN_VM = 'modprobe -a tun vhost_net pktgen && exec "$@"';

async function main(words: readonly string[]): Promise<void> {
  if (noVm) throw new Error(`The tables were not measured: it ${noVm}.`);
  const end = words.indexOf('--');
  const [own, passed] = end < 0 ? [words, []] : [words.slice(0, end), words.slice(end + 1)];
  const named = own.filter((word) => !word.startsWith('--'));
  if (own.includes('--pair')) {
    const [before = '7.2', after = '7.3'] = named;
    const rounds = Number(own.find((word) => word.startsWith('--rounds='))?.slice('--rounds='.length) ?? ROUNDS);
    console.log(await compareKernels([before, after], rounds, (series) => reportOf(series, passed)));
    return;
  }
  const flags = [...FLAGS, ...passed];
  const sections = [about(flags)];
  for (const series of named.length > 0 ? named : SERIES) {
    const kernel = await provideKernel(series, (line) => console.error(line));
    sections.push(`## Linux ${series}\n\n${await tablesOn(kernel, flags)}`);
  }
  const text = sections.join('\n\n');
  console.log(text);
  if (own.includes('--write')) writeSection('tables', text);
}

/** One repeat, as JSON. */
async function reportOf(series: string, flags: readonly string[]): Promise<string> {
  const kernel = await provideKernel(series, (line) => console.error(line));
  const report = await benchOn(kernel, ['--format=json', '--seconds=0.5', '--repeats=1', ...flags], /^\{$/m);
  return report.slice(0, report.lastIndexOf('\n}') + 2);
}

function tablesOn(kernel: Kernel, flags: readonly string[]): Promise<string> {
  return benchOn(kernel, ['--format=markdown', ...flags], /^(OK|WRONG|NOTHING)/m);
}

/** What it prints, from `start` on. */
async function benchOn(kernel: Kernel, flags: readonly string[], start: RegExp): Promise<string> {
  const bench = [process.execPath, 'dist/src/main.js', 'bench', ...flags];
  const boot = (): Promise<VmResult> =>
    runInVm(kernel, ['sh', '-c', IN_VM, 'sh', ...bench], {
      cpus: CPUS,
      timeoutMs: LIMIT_MS,
      onOutput: (text) => process.stderr.write(text),
    });
  // Other tracepoints can kill it as lab/vm/vm-init.sh says, if seldom.
  const { status, output } = await boot().catch((error: unknown) => {
    console.error(`${error}\nOnce more …`);
    return boot();
  });
  const text = output.replaceAll('\r', '');
  const begin = text.search(start);
  if (status !== 0 || begin < 0)
    throw new Error(`tapscope bench on Linux ${kernel.release} ended with ${status}:\n${output}`);
  return text.slice(begin).trimEnd();
}

await program(main);
