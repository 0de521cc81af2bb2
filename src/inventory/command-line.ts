// SPDX-License-Identifier: Apache-2.0
// The virtual machine or VPN of a command line. A pure function of untrusted text.

export interface CommandLine {
  /** qemu, firecracker, openvpn, …; '': none that is known. */
  readonly program: string;
  readonly vm: string;
  readonly uuid: string;
  /** Sandbox of Kata Containers, whose VM it is. */
  readonly sandbox: string;
  /** libvirt started the program. */
  readonly isLibvirt: boolean;
}

type Details = Omit<CommandLine, 'program'>;

interface Hypervisor {
  readonly program: string;
  /** The pattern of the file's name. */
  readonly file: RegExp;
  readonly read: (args: readonly string[]) => Details;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Name of a sandbox: 64 hexadecimal digits of containerd and CRI-O; started by hand, any other. */
const SANDBOX = '([A-Za-z0-9][A-Za-z0-9_.-]{0,127})';
const KATA_PATH = new RegExp(`/run/(?:vc/(?:vm|sbs|firecracker)|kata(?:/firecracker)?)/${SANDBOX}(?:/|$)`);
const KATA_NAME = new RegExp(`^sandbox-${SANDBOX}$`);
const NO_DETAILS: Details = { vm: '', uuid: '', sandbox: '', isLibvirt: false };

const HYPERVISORS: readonly Hypervisor[] = [
  // Nix wraps it: .qemu-system-x86_64-wrapped; Kata has flavours of it: qemu-system-x86_64-snp-experimental.
  { program: 'qemu', file: /^\.?(?:qemu-system-[a-z0-9_]+(?:-[\w.-]+)?|qemu-kvm|kvm)$/, read: ofQemu },
  { program: 'firecracker', file: /^firecracker(?:-v?\d[\w.-]*)?$/, read: ofFirecracker },
  { program: 'cloud-hypervisor', file: /^cloud-hypervisor(?:-static)?$/, read: ofCloudHypervisor },
  // Kata's own VM monitor (Dragonball) runs inside.
  { program: 'kata', file: /^containerd-shim-kata-v2$/, read: ofKataShim },
];

/** VPNs and user-mode networks that hold a tun or tap themselves. */
const OTHERS: ReadonlySet<string> = new Set([
  'boringtun-cli',
  'charon',
  'charon-systemd',
  'crosvm',
  'fastd',
  'gvforwarder',
  'n2n-edge',
  'nebula',
  'netbird',
  'ocserv',
  'ocserv-worker',
  'openconnect',
  'openvpn',
  'openvpn3-service-client',
  'passt',
  'pasta',
  'sing-box',
  'slirp4netns',
  'ssh',
  'sshd',
  'tailscaled',
  'tincd',
  'tun2socks',
  'vde_plug',
  'vpnkit',
  'warp-svc',
  'wireguard-go',
  'xray',
  'yggdrasil',
  'zerotier-one',
]);

/** `args`: the words as in /proc/PID/cmdline; `comm` decides where they were overwritten or are empty. */
export function readCommandLine(args: readonly string[], comm: string): CommandLine {
  const file = fileName(args[0] ?? '');
  for (const { program, file: pattern, read } of HYPERVISORS) {
    if (pattern.test(file)) return { program, ...read(args) };
  }
  return { program: [file, comm].find((name) => OTHERS.has(name)) ?? '', ...NO_DETAILS };
}

/** The name at the end of a path; `sshd: user@notty`, as setproctitle() writes it, is sshd. */
function fileName(word: string): string {
  return (/^([^/:]*): /.exec(word)?.[1] ?? word.slice(word.lastIndexOf('/') + 1)).trim();
}

function ofQemu(args: readonly string[]): Details {
  const named = valuesAfter(args, 'name')[0] ?? '';
  const name = qemuOption(named, 'guest', true);
  const smbios = valuesAfter(args, 'smbios').filter((value) => qemuOption(value, 'type', false) === '1');
  const uuids = [...valuesAfter(args, 'uuid'), ...smbios.map((value) => qemuOption(value, 'uuid', false))];
  const sandbox = KATA_NAME.exec(name)?.[1];
  const inSandbox = sandbox !== undefined && args.some((word) => KATA_PATH.exec(word)?.[1] === sandbox);
  const isLibvirt = qemuOption(named, 'guest', false) !== ''; // others leave out the key
  return { vm: name, uuid: firstUuid(uuids), sandbox: inSandbox ? sandbox : '', isLibvirt };
}

/** All values of `-key VALUE`; two dashes do as well. */
export function valuesAfter(args: readonly string[], key: string): readonly string[] {
  return args.flatMap((word, i) => (word === `-${key}` || word === `--${key}` ? (args[i + 1] ?? []) : []));
}

/** A key of QEMU's `a=1,b=2`, where a comma in a value is doubled; the first value may come without its key. */
export function qemuOption(text: string, key: string, implied: boolean): string {
  const parts = text.replaceAll(',,', '\0').split(',');
  const found = parts.find((part) => part.startsWith(`${key}=`))?.slice(key.length + 1);
  const first = implied && !parts[0]?.includes('=') ? parts[0] : undefined;
  return (found ?? first ?? '').replaceAll('\0', ',');
}

/** The jailer hands on its own --id. Without one the VM has no name of its own. */
function ofFirecracker(args: readonly string[]): Details {
  const vm = longOption(args, 'id');
  const sandbox = args.flatMap((word) => KATA_PATH.exec(word)?.[1] ?? [])[0];
  return { ...NO_DETAILS, vm, uuid: firstUuid([vm]), sandbox: sandbox ?? '' };
}

/** cloud-hypervisor has no name option; libvirt's driver names its socket after the VM. */
function ofCloudHypervisor(args: readonly string[]): Details {
  const socket = longOption(args, 'api-socket').replace(/^path=/, '');
  const platform = longOption(args, 'platform').split(',');
  const vm = /\/libvirt\/ch\/([^/]+)-socket$/.exec(socket)?.[1];
  return {
    vm: vm ?? '',
    uuid: firstUuid(platform.map((part) => part.replace(/^uuid=/, ''))),
    sandbox: KATA_PATH.exec(socket)?.[1] ?? '',
    isLibvirt: vm !== undefined,
  };
}

function ofKataShim(args: readonly string[]): Details {
  return { ...NO_DETAILS, sandbox: valuesAfter(args, 'id')[0] ?? '' };
}

/** `--key VALUE` or `--key=VALUE`; what follows `--` belongs to another program. */
function longOption(args: readonly string[], key: string): string {
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  const at = own.findIndex((word) => word === `--${key}` || word.startsWith(`--${key}=`));
  if (at < 0) return '';
  return own[at]?.startsWith(`--${key}=`) ? (own[at]?.slice(key.length + 3) ?? '') : (own[at + 1] ?? '');
}

function firstUuid(candidates: readonly string[]): string {
  return candidates.map((text) => text.toLowerCase()).find((text) => UUID.test(text)) ?? '';
}
