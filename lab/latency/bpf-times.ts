// SPDX-License-Identifier: Apache-2.0
// What bpf-times.so wrote: a line for each bpf() of a process.

interface BpfTime {
  /** kernel: enum bpf_cmd. */
  readonly command: number;
  readonly ms: number;
  /** The name of the loaded program; '-' if none was, '' where libbpf tried what the kernel can do. */
  readonly program: string;
  /** Instructions that the verifier looked at. */
  readonly verified: number;
}

interface LoadSum {
  readonly programs: number;
  readonly verified: number;
  readonly verifierMs: number;
  readonly attachMs: number;
}

/** Programs that libbpf and the addon load to see whether the kernel can do something. */
const TRIED = ['', 'libbpf_nametest', 'try_tracing'];

const PROG_LOAD = 5;
const ATTACHING: readonly number[] = [17, 28]; // BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_CREATE

export function timesOf(text: string): readonly BpfTime[] {
  return text.split('\n').flatMap((line) => {
    const [, command, nanoseconds, program = '', verified] = /^(\d+) (\d+) (\S*) (\d+)$/.exec(line) ?? [];
    return command
      ? [{ command: Number(command), ms: Number(nanoseconds) / 1e6, program, verified: Number(verified) }]
      : [];
  });
}

/** What libbpf and the agent try beforehand counts as time, and not as a program. */
export function sumOf(times: readonly BpfTime[]): LoadSum {
  const loads = times.filter(({ command }) => command === PROG_LOAD);
  const attaches = times.filter(({ command }) => ATTACHING.includes(command));
  return {
    programs: loads.filter(({ program }) => !TRIED.includes(program)).length,
    verified: loads.reduce((sum, { verified }) => sum + verified, 0),
    verifierMs: loads.reduce((sum, { ms }) => sum + ms, 0),
    attachMs: attaches.reduce((sum, { ms }) => sum + ms, 0),
  };
}
