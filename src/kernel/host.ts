// SPDX-License-Identifier: Apache-2.0
// What this kernel is and lets us know: release, CPUs, types, symbols, rights. Read once at the start.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { release, version } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { Btf } from './native.ts';
import { type KernelLimits, readLimits, readModuleTypes } from './older/limits.ts';
import { onlineCpus } from './online-cpus.ts';
import { Symbols } from './symbols.ts';

export interface Host {
  readonly release: string;
  readonly possibleCpus: number;
  /** CPUs that are online: what shares of the host refer to. */
  readonly onlineCpus: number;
  readonly symbols: Symbols | undefined;
  /** Types of the kernel; undefined where it has none. */
  readonly btf: Btf | undefined;
  /** Types of modules that have drop reasons of their own, of those that are loaded. */
  readonly reasonTypes: readonly Btf[];
  /** Argument count of a function of the kernel or of tun, as BTF has it; undefined: no such function. */
  readonly functionArgs: (name: string) => number | undefined;
  /** Frees the types, which only loading and attaching need; functionArgs must not be used any more. */
  readonly releaseTypes: () => void;
  readonly tunLoaded: boolean;
  /** Modules whose functions programs attach to. */
  readonly modules: readonly string[];
  /** This kernel has types (BTF) of its modules: Linux 5.11 or later, CONFIG_DEBUG_INFO_BTF_MODULES. True where all is built in. */
  readonly hasModuleTypes: boolean;
  /** What an older kernel does not do for BPF programs. */
  readonly limits: KernelLimits;
  /** PREEMPT_RT. */
  readonly isRealtime: boolean;
  /** lockdown=confidentiality: no BPF program may read memory of the kernel. */
  readonly isConfidential: boolean;
  /** /proc shows the processes of the whole host, not those of a container. */
  readonly seesHostProcesses: boolean;
  /** Names of the effective capabilities of this process that tapscope asks for. */
  readonly capabilities: ReadonlySet<Capability>;
}

/** What each right is for: the text that `doctor` prints where it is missing. */
export const CAPABILITIES = {
  CAP_BPF: { bit: 39, use: 'load BPF programs' },
  CAP_PERFMON: { bit: 38, use: 'attach BPF programs to tracepoints and read kernel memory from them' },
  CAP_SYS_ADMIN: { bit: 21, use: 'read the types of kernel modules and enter network namespaces' },
  CAP_SYSLOG: { bit: 34, use: 'read the addresses of kernel functions' },
  CAP_SYS_PTRACE: { bit: 19, use: 'see which process holds a queue' },
  CAP_DAC_READ_SEARCH: { bit: 2, use: 'list the descriptors of other users’ processes' },
} as const;
export type Capability = keyof typeof CAPABILITIES;
export const capabilityNames = Object.keys(CAPABILITIES) as readonly Capability[];

/** Modules with drop reasons of their own. */
const REASON_MODULES: readonly string[] = ['openvswitch', 'mac80211'];

const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities';

/** What makes the same kernel slower on one host than on another, in the words of the kernel. */
export function readSlowdowns(): {
  readonly srso: string | undefined;
  readonly mitigated: readonly string[];
  readonly hardenedUsercopy: boolean | undefined;
  /** What the kernel gives to a device that is brought up, where nobody says otherwise; undefined: the kernel does not say. */
  readonly defaultQdisc: string | undefined;
} {
  const state = (name: string): string | undefined => textOf(`${VULNERABILITIES}/${name}`)?.trim();
  const names = existsSync(VULNERABILITIES) ? readdirSync(VULNERABILITIES).sort() : [];
  return {
    srso: state('spec_rstack_overflow'),
    mitigated: names.filter((name) => state(name)?.startsWith('Mitigation')),
    hardenedUsercopy: isUsercopyHardened(),
    defaultQdisc: textOf('/proc/sys/net/core/default_qdisc')?.trim(),
  };
}

/** The last hardened_usercopy= of the kernel's command line decides; without one the default of the build, which is an option of its own since Linux 6.15. */
export function isUsercopyHardened(
  commandLine: string = textOf('/proc/cmdline') ?? '',
  config: string = kernelConfig(),
): boolean | undefined {
  const [, typed] = [...commandLine.matchAll(/\bhardened_usercopy=(\w+)/g)].at(-1) ?? [];
  if (typed !== undefined) return ['1', 'on', 'y', 'yes'].includes(typed.toLowerCase());
  if (config === '') return undefined;
  if (!config.includes('CONFIG_HARDENED_USERCOPY=y')) return false;
  return !config.includes('# CONFIG_HARDENED_USERCOPY_DEFAULT_ON is not set');
}

/** The configuration the kernel was built with, by itself (CONFIG_IKCONFIG_PROC) or by its package; '': there is no file of it. */
function kernelConfig(): string {
  return (
    unzipped('/proc/config.gz') ??
    textOf(`/boot/config-${release()}`) ??
    textOf(`/lib/modules/${release()}/config`) ??
    ''
  );
}

/** undefined: it is not there, or no gzip. */
export function unzipped(file: string): string | undefined {
  try {
    return gunzipSync(readFileSync(file)).toString();
  } catch {
    return undefined;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The inode of the first PID namespace is a constant (kernel: PROC_PID_INIT_INO). */
const INITIAL_PID_NAMESPACE = 0xeffffffc;

/** What is asked of the kernel by name. */
export interface Names {
  /** Functions that will be looked up. */
  readonly symbols: Iterable<string>;
  /** Modules whose functions programs attach to; of several that have one, the first counts. */
  readonly modules: readonly string[];
}

export function readHost({ symbols, modules }: Names): Host {
  const btf = kernelTypes();
  const types = modules.flatMap((name) => moduleTypes(name) ?? []);
  const reasonTypes = REASON_MODULES.flatMap((name) => moduleTypes(name) ?? []);
  const hasModuleTypes = readModuleTypes(modules);
  return {
    release: release(),
    possibleCpus: possibleCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8')),
    onlineCpus: onlineCpus(),
    symbols: readSymbols(symbols),
    btf,
    reasonTypes,
    functionArgs: (name) =>
      [...types, btf].reduce<number | undefined>((args, known) => args ?? known?.functionArgs(name), undefined),
    releaseTypes: () => {
      for (const known of [...types, ...reasonTypes, btf]) known?.close();
    },
    tunLoaded: tunDriver() !== undefined,
    modules,
    hasModuleTypes,
    limits: readLimits(btf, release(), hasModuleTypes),
    isRealtime: isRealtime(),
    isConfidential: isConfidential(),
    seesHostProcesses: isInitialPidNamespace(),
    capabilities: effectiveCapabilities(readFileSync('/proc/self/status', 'utf8')),
  };
}

/** The file is there where securityfs is mounted; the command line is enough for most. */
function isConfidential(): boolean {
  const state = textOf('/sys/kernel/security/lockdown');
  return state === undefined
    ? /\blockdown=confidentiality\b/.test(textOf('/proc/cmdline') ?? '')
    : state.includes('[confidentiality]');
}

/** A kernel without such namespaces has no such file. */
function isInitialPidNamespace(): boolean {
  const namespace = statSync('/proc/self/ns/pid', { throwIfNoEntry: false });
  return namespace === undefined || namespace.ino === INITIAL_PID_NAMESPACE;
}

/** Tells one load of the tun driver from the next; undefined: it is not loaded. */
export function tunDriver(): number | undefined {
  return miscDevice('tun');
}

/** Built in or as a module, such a driver registers a misc device; sysfs gives each its own inode number. undefined: it is not loaded. */
export function miscDevice(name: string): number | undefined {
  return statSync(`/sys/class/misc/${name}`, { throwIfNoEntry: false })?.ino;
}

/** A whole number; 0 where the module is not loaded or has no such parameter. */
export function moduleParameter(module: string, parameter: string): number {
  const file = `/sys/module/${module}/parameters/${parameter}`;
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

/** The text changes when one of them is loaded or unloaded. */
export function loadedModules(names: readonly string[]): string {
  return names
    .map((name) => `${name} ${statSync(`/sys/module/${name}`, { throwIfNoEntry: false })?.ino ?? '-'}`)
    .join(', ');
}

/**
 * PREEMPT_RT. The file is of the patches that came before Linux 6.12; since then the build's name tells (kernel: UTS_VERSION,
 * `uname -v`).
 */
export function isRealtime(build: string = version()): boolean {
  return existsSync('/sys/kernel/realtime') || /\bPREEMPT_RT\b/.test(build);
}

/**
 * While a task has bottom halves off, another task of the same CPU may have them off too. That is so on PREEMPT_RT alone, where the
 * kernel has no lock for it (kernel: CONFIG_PREEMPT_RT_NEEDS_BH_LOCK; an option since Linux 6.18, before that the lock is always there).
 * Where the configuration cannot be read, the lock may be absent.
 */
export function sharesBottomHalves(build: string = version(), config: string = kernelConfig()): boolean {
  return isRealtime(build) && (config === '' || config.includes('# CONFIG_PREEMPT_RT_NEEDS_BH_LOCK is not set'));
}

/** "0-3" or "0-1,4-7" → the highest number + 1: per-CPU tables are indexed by it. */
export function possibleCpus(list: string): number {
  return 1 + Math.max(...(list.match(/\d+/g) ?? ['0']).map(Number));
}

/** May this process load programs: CAP_BPF, or CAP_SYS_ADMIN, which was it before Linux 5.8. */
export function mayLoadPrograms(): boolean {
  const held = effectiveCapabilities(readFileSync('/proc/self/status', 'utf8'));
  return held.has('CAP_BPF') || held.has('CAP_SYS_ADMIN');
}

function effectiveCapabilities(status: string): ReadonlySet<Capability> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return new Set(capabilityNames.filter((name) => mask & (1n << BigInt(CAPABILITIES[name].bit))));
}

function kernelTypes(): Btf | undefined {
  try {
    return Btf.kernel();
  } catch {
    return undefined; // no CONFIG_DEBUG_INFO_BTF: doctor says so
  }
}

function moduleTypes(name: string): Btf | undefined {
  try {
    return existsSync(`/sys/kernel/btf/${name}`) ? Btf.kernel(name) : undefined;
  } catch {
    return undefined; // reading a module's types needs CAP_SYS_ADMIN: doctor says so
  }
}

function readSymbols(names: Iterable<string>): Symbols | undefined {
  try {
    return Symbols.ofKernel(names);
  } catch {
    return undefined;
  }
}
