// SPDX-License-Identifier: Apache-2.0
// What the process that serves may read, where the kernel has Landlock: this program, Node.js and its libraries, certificates, the time zone,
// and how names of hosts are looked up. No user's files, and no other process.
import { closeSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env, execPath } from 'node:process';
import { errnoOf } from '../error-name.ts';

const RESOLVER = '/etc/resolv.conf';
const ALWAYS = [
  '/etc/ld.so.cache',
  '/proc/meminfo',
  '/dev/null',
  '/dev/urandom',
  '/etc/localtime',
  '/usr/share/zoneinfo',
  // Debian's Node.js has parts of itself here.
  '/usr/share/nodejs',
  // OpenSSL's settings, and authorities; not the folders above them, which have private keys.
  '/etc/ssl/openssl.cnf',
  '/etc/ssl/cert.pem',
  '/etc/ssl/certs',
  '/etc/pki/tls/openssl.cnf',
  '/etc/pki/tls/openssl.d',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/tls/certs',
  '/etc/pki/ca-trust',
  '/etc/crypto-policies',
  '/usr/lib/ssl',
  '/usr/share/ca-certificates',
  '/usr/local/share/ca-certificates',
  '/etc/hosts',
  '/etc/host.conf',
  '/etc/gai.conf',
  '/etc/nsswitch.conf',
  RESOLVER,
];
const VARIABLES = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF'];

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

/**
 * Other programs put a new file in its place when the network changes, and a rule is about the file that was there. undefined: there is none, or
 * it lies among files of others, as in /etc; then the exporter says when another one has taken its place.
 */
function folderOfResolver(): string | undefined {
  try {
    return folderOfItsOwn(realpathSync(RESOLVER));
  } catch {
    return undefined;
  }
}

/** '/run/systemd/resolve' of '/run/systemd/resolve/stub-resolv.conf'; undefined: the folder is one that a host has for all, such as /etc or /run. */
export function folderOfItsOwn(path: string): string | undefined {
  const folder = dirname(path);
  return dirname(folder) === '/' ? undefined : folder;
}

/** Called in the process that serves. What to add where a name was not found because the file is not the one of its start; else ''. */
export function whyUnresolved(failure: string): string {
  if (!/\bgetaddrinfo\b/.test(failure)) return '';
  try {
    closeSync(openSync(RESOLVER, 'r'));
    return '';
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') return '';
    return ` Another program has replaced ${RESOLVER}, which tapscope may read once it is started again.`;
  }
}
