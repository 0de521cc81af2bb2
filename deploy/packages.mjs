// SPDX-License-Identifier: Apache-2.0
// The Debian packages that a clone needs: how to see that one is missing, and how to get it.
import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, say } from './step.mjs';

export const buildPackages = [
  { name: 'make', reason: 'runs the build', present: () => hasProgram('make') },
  { name: 'clang', reason: 'compiles the BPF programs', present: () => hasProgram('clang') },
  { name: 'g++', reason: 'compiles the addon, and with gcc the traffic program', present: () => hasProgram('g++') },
  { name: 'pkg-config', reason: 'finds the libraries of the addon', present: () => hasProgram('pkg-config') },
  { name: 'libbpf-dev', reason: 'loads BPF programs, for the addon', present: () => hasHeader('bpf/libbpf.h') },
  { name: 'libmnl-dev', reason: 'speaks rtnetlink, for the addon', present: () => hasHeader('libmnl/libmnl.h') },
  { name: 'libseccomp-dev', reason: 'confines the process that serves', present: () => hasHeader('seccomp.h') },
];

/** `npm run deb` needs these beyond a build. */
export const packagingPackages = [
  { name: 'debhelper', reason: 'makes the Debian packages', present: () => hasProgram('dh_builddeb') },
];

/** `npm run rpm` needs these beyond a build. */
export const rpmPackages = [{ name: 'rpm', reason: 'makes the RPM', present: () => hasProgram('rpmbuild') }];

/** The image of a release needs these. */
export const imagePackages = [
  { name: 'buildah', reason: 'builds the image of the Dockerfile', present: () => hasProgram('buildah') },
];

/** `make lint` needs these beyond a build. */
export const lintPackages = [
  { name: 'clang-format', reason: 'checks the layout of C and C++', present: () => hasProgram('clang-format') },
];

const testPackages = [
  { name: 'bpftool', reason: 'lists the BPF programs that are loaded', present: () => hasProgram('bpftool') },
  ...imagePackages,
  { name: 'busybox-static', reason: 'starts the kernels of the lab', present: () => hasProgram('busybox') },
  ...packagingPackages,
  ...rpmPackages,
  { name: 'chromium', reason: 'shows the live page to the tests', present: () => hasProgram('chromium') },
  { name: 'curl', reason: 'types what the runbooks say', present: () => hasProgram('curl') },
  { name: 'cpio', reason: 'unpacks what guests start from, in a test', present: () => hasProgram('cpio') },
  { name: 'debootstrap', reason: 'makes the bare Debian of a test', present: () => hasProgram('debootstrap') },
  {
    name: 'ebtables',
    reason: 'is the older firewall of bridges in a test',
    present: () => hasProgram('ebtables-legacy'),
  },
  { name: 'etcd-server', reason: 'keeps what the API server of the lab is given', present: () => hasProgram('etcd') },
  { name: 'git', reason: 'clones the project for a test', present: () => hasProgram('git') },
  { name: 'groff-base', reason: 'reads the manual page', present: () => hasProgram('groff') },
  { name: 'icinga2-bin', reason: 'takes what check answers', present: () => hasProgram('icinga2') },
  { name: 'iperf3', reason: 'sends TCP through real programs', present: () => hasProgram('iperf3') },
  { name: 'iproute2', reason: 'makes the taps of the tests', present: () => hasProgram('ip') },
  { name: 'iptables', reason: 'is a firewall of the lab', present: () => hasProgram('iptables-legacy') },
  { name: 'iputils-ping', reason: 'waits until a program passes packets', present: () => hasProgram('ping') },
  { name: 'jsonnet', reason: 'evaluates the mixin', present: () => hasProgram('jsonnet') },
  { name: 'kmod', reason: 'loads modules into the kernels of the lab', present: () => hasProgram('modprobe') },
  {
    name: 'libmonitoring-plugin-perl',
    reason: 'reads performance data as plugins of Nagios do',
    present: () => existsSync('/usr/share/perl5/Monitoring/Plugin.pm'),
  },
  { name: 'nftables', reason: 'is the firewall of a scenario', present: () => hasProgram('nft') },
  { name: 'openssh-client', reason: 'signs a release in a test', present: () => hasProgram('ssh-keygen') },
  { name: 'openssl', reason: 'makes the certificates of the tests', present: () => hasProgram('openssl') },
  { name: 'openvpn', reason: 'is one of the real programs of the lab', present: () => hasProgram('openvpn') },
  { name: 'pngquant', reason: 'makes pictures of dashboards small', present: () => hasProgram('pngquant') },
  { name: 'procps', reason: 'watches processes in the tests', present: () => hasProgram('ps') },
  { name: 'prometheus', reason: 'scrapes and checks what we export', present: () => hasProgram('promtool') },
  {
    name: 'prometheus-alertmanager',
    reason: 'sends what our alerts are grouped to',
    present: () => hasProgram('prometheus-alertmanager'),
  },
  { name: 'python3', reason: 'plays systemd in a test', present: () => hasProgram('python3') },
  {
    name: 'python3-prometheus-client',
    reason: 'reads what we export as OpenMetrics',
    present: () => existsSync('/usr/lib/python3/dist-packages/prometheus_client'),
  },
  { name: 'qemu-system-x86', reason: 'runs other kernels', present: () => hasProgram('qemu-system-x86_64') },
  { name: 'rpmlint', reason: 'checks the RPM', present: () => hasProgram('rpmlint') },
  { name: 'socat', reason: 'takes what is sent through real programs', present: () => hasProgram('socat') },
  { name: 'strace', reason: 'counts the system calls of a scrape', present: () => hasProgram('strace') },
  { name: 'victoria-metrics', reason: 'keeps the figures of a fleet', present: () => hasProgram('vmalert') },
  { name: 'wireguard-tools', reason: 'configures wireguard-go', present: () => hasProgram('wg') },
  { name: 'xz-utils', reason: 'unpacks kernels', present: () => hasProgram('xz') },
  { name: 'zsh', reason: 'completes command lines', present: () => hasProgram('zsh') },
  { name: 'zstd', reason: 'unpacks modules of kernels', present: () => hasProgram('zstd') },
  { name: 'g++-aarch64-linux-gnu', reason: 'compiles for arm64', present: () => hasProgram('aarch64-linux-gnu-g++') },
  { name: 'libclang-rt-dev', reason: 'tries random input on the addon', present: hasFuzzer },
  { name: 'lintian', reason: 'checks the Debian package', present: () => hasProgram('lintian') },
  { name: 'qemu-system-arm', reason: 'runs kernels of arm64', present: () => hasProgram('qemu-system-aarch64') },
  { name: 'qemu-user-static', reason: 'runs Node for arm64', present: () => hasProgram('qemu-aarch64-static') },
];

/** Needs of test files that are not Debian packages, and the packages behind them. */
const needs = {
  Node: [],
  "root on this machine's kernel": ['iproute2', 'kmod', 'procps'],
  VMs: ['busybox-static', 'iproute2', 'kmod', 'procps', 'qemu-system-x86', 'xz-utils', 'zstd'],
  'WHOLE=1': [],
  /** No other test of this machine's kernel runs at the same time. */
  alone: [],
  /** It takes all CPUs, or measures time against a limit: it runs when all other tests have ended. */
  quiet: [],
  /** It takes less than a third of a core, and waits for the clock: a real Prometheus' rules, systemd's watchdog. */
  patience: [],
};

/** The packages behind a word of `// Needs: …`; undefined: neither a need nor a package. */
export function packagesFor(word) {
  const own = testPackages.filter(({ name }) => name === word);
  return own.length > 0 ? own : needs[word]?.flatMap(packagesFor);
}

/** `npm run test:programs` also needs these. It skips, by name, what cannot be installed. */
export const programPackages = [
  { name: 'fastd', reason: 'is a VPN of the lab', present: () => hasProgram('fastd') },
  { name: 'libvirt-clients', reason: 'speaks to libvirt', present: () => hasProgram('virsh') },
  { name: 'libvirt-daemon-driver-qemu', reason: 'starts QEMU for libvirt', present: () => hasProgram('libvirtd') },
  { name: 'libvirt-daemon-system', reason: 'is libvirt', present: () => hasProgram('libvirtd') },
  { name: 'n2n', reason: 'is a VPN of the lab', present: () => hasProgram('edge') },
  { name: 'passt', reason: 'is a network for containers', present: () => hasProgram('pasta') },
  { name: 'slirp4netns', reason: 'is a network for containers', present: () => hasProgram('slirp4netns') },
  { name: 'tinc', reason: 'is a VPN of the lab', present: () => hasProgram('tincd') },
  { name: 'vde2', reason: 'is a switch of the lab', present: () => hasProgram('vde_switch') },
];

/** Their services would start with the installation. */
const withServices = [
  'etcd-server',
  'fastd',
  'icinga2-bin',
  'libvirt-daemon-system',
  'n2n',
  'openvpn',
  'prometheus',
  'tinc',
];

/** Run-time libraries by the beginning of their file names, for a machine with a finished build and no compilers. */
export const libraryPackages = {
  libbpf: { name: 'libbpf1', reason: 'loads BPF programs' },
  libelf: { name: 'libelf1', reason: 'reads BPF object files' },
  libmnl: { name: 'libmnl0', reason: 'speaks rtnetlink' },
  libseccomp: { name: 'libseccomp2', reason: 'confines the process that serves' },
};

// sudo and su leave the system's own programs out of some users' PATH; dpkg insists on them.
export const searchPath = [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(':');

function hasProgram(name) {
  return searchPath.split(':').some((folder) => folder !== '' && isExecutable(join(folder, name)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function hasFuzzer() {
  const folder = spawnSync('clang', ['-print-resource-dir'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch] ?? process.arch;
  return existsSync(join(folder, `lib/linux/libclang_rt.fuzzer-${machine}.a`));
}

function hasHeader(name) {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch] ?? process.arch;
  const folders = ['/usr/include', '/usr/local/include', `/usr/include/${machine}-linux-gnu`];
  return folders.some((folder) => existsSync(join(folder, name)));
}

/** Names what is missing among `packages` and installs it; false when it has said what the user must do. */
export function installMissing(packages) {
  const missing = packages.filter(({ present }) => !present());
  return missing.length === 0 || install(missing);
}

/** Installs packages known to be missing; false when it has said what the user must do. */
export function install(missing) {
  say(
    `missing on this machine (Debian package: what for)\n${missing.map(({ name, reason }) => `  ${name}: ${reason}`).join('\n')}`,
  );
  const names = missing.map(({ name }) => name);
  const line = `apt-get install -y --no-install-recommends ${names.join(' ')}`;
  if (!hasProgram('apt-get')) {
    say(
      `this machine has no apt-get: install what these Debian packages hold by its own package manager, then start again: ${names.join(' ')}`,
    );
    return false;
  }
  if (process.getuid() !== 0) {
    say(`only root may install packages: type this line, then start again:\n  sudo ${line}`);
    return false;
  }
  if (withoutServices(names, () => aptInstall(names))) return true;
  say(`apt could not install them: type this line, see what it says, then start again:\n  apt-get update && ${line}`);
  return false;
}

function aptInstall(names) {
  if (!hasPackageLists() && !apt('fetching the package lists', 'update')) return false;
  const options = ['install', '-y', '--no-install-recommends'];
  // Old lists name files that the mirror has dropped since.
  const downloaded =
    apt(`downloading ${names.join(', ')}`, ...options, '--download-only', ...names) ||
    (apt('fetching the package lists again', 'update') &&
      apt('downloading again', ...options, '--download-only', ...names));
  return downloaded && apt('installing', ...options, ...names);
}

function apt(what, ...args) {
  // Another apt may be at work: wait for it.
  const environment = { ...process.env, PATH: searchPath, DEBIAN_FRONTEND: 'noninteractive' };
  return run(what, 'apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], { env: environment });
}

function hasPackageLists() {
  try {
    return readdirSync('/var/lib/apt/lists').some((file) => file.includes('_Packages'));
  } catch {
    return false;
  }
}

/** A package's service must neither start now nor at the next boot: tests start their own. */
function withoutServices(names, installation) {
  if (!names.some((name) => withServices.includes(name))) return installation();
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  try {
    return installation();
  } finally {
    if (ours) rmSync(policy, { force: true });
    if (names.includes('prometheus')) keepPrometheusOff();
  }
}

function keepPrometheusOff() {
  if (hasProgram('systemctl')) {
    const now = existsSync('/run/systemd/system') ? ['--now'] : [];
    run('keeping the prometheus service off', 'systemctl', ['disable', ...now, 'prometheus.service'], {
      mayFail: true,
    });
  } else if (hasProgram('update-rc.d'))
    run('keeping the prometheus service off', 'update-rc.d', ['prometheus', 'disable'], { mayFail: true });
}
