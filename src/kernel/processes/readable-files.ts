// SPDX-License-Identifier: Apache-2.0
// What the process that serves may read, where the kernel has Landlock: this program, Node.js and its libraries, certificates, the time zone,
// and how names of hosts are looked up. No user's files, and no other process.
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env, execPath } from 'node:process';

const ALWAYS = [
  '/etc/ld.so.cache',
  '/proc/meminfo',
  '/dev/null',
  '/dev/urandom',
  '/etc/localtime',
  '/usr/share/zoneinfo',
  // Debian's Node.js has parts of itself here.
  '/usr/share/nodejs',
  // OpenSSL's settings, and authorities.
  '/etc/ssl',
  '/etc/pki',
  '/etc/crypto-policies',
  '/usr/lib/ssl',
  '/usr/share/ca-certificates',
  '/usr/local/share/ca-certificates',
  '/etc/hosts',
  '/etc/host.conf',
  '/etc/gai.conf',
  '/etc/nsswitch.conf',
  '/etc/resolv.conf',
];
const VARIABLES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF'];
const RESOLVER = '/etc/resolv.conf';

/** `root`: of this program. `asksHosts`: it looks up names for as long as it runs (--otlp). */
export function readableFiles(root: string, asksHosts: boolean): readonly string[] {
  const libraries = librariesOf(readFileSync('/proc/self/maps', 'utf8'));
  return [
    ...ALWAYS,
    execPath,
    ...libraries,
    ...besideLibc(libraries),
    ...['dist', 'node_modules', 'package.json'].map((name) => join(root, name)),
    ...VARIABLES.flatMap((name) => env[name] ?? []),
    ...(asksHosts ? [folderOfResolver()].flatMap((folder) => folder ?? []) : []),
  ];
}

/** `maps`: proc_pid_maps(5). The second process loads what this one has loaded, with the loader itself. */
export function librariesOf(maps: string): readonly string[] {
  return [...new Set([...maps.matchAll(/ (\/\S*\.so[.\d]*)$/gm)].flatMap(([, path]) => path ?? []))];
}

/** The C library loads those that nsswitch.conf names when the first name is looked up. bcrypt's addon was built when threads were a library. */
function besideLibc(libraries: readonly string[]): readonly string[] {
  const folder = libraries.find((path) => /\/libc\.so/.test(path));
  if (folder === undefined) return [];
  const names = readdirSync(dirname(folder)).filter((name) => /^lib(nss_.*|resolv|pthread|dl|rt|m)\.so/.test(name));
  return names.map((name) => join(dirname(folder), name));
}

/** Other programs put a new file in its place when the network changes, and a rule is about the file that was there. */
function folderOfResolver(): string | undefined {
  try {
    return dirname(realpathSync(RESOLVER));
  } catch {
    return undefined; // there is none
  }
}
