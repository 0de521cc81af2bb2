// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Parsers of /proc and of the files of libvirt and the kubelet: any program chooses its name, arguments and cgroup.
import assert from 'node:assert/strict';
import { array, constantFrom, integer, oneof, record, string, tuple, uint8Array } from 'fast-check';
import { anyText, deviceName, hostileText, latin1, linesOf, shown, textOfBytes } from '../../test/fuzz/hostile-text.ts';
import { holdsForAll, orSentence } from '../../test/fuzz/property.ts';
import { nameOf } from '../foreign-name.ts';
import { parseCgroups, parseCommandLine, parseStat } from '../kernel/process-text.ts';
import { podIn, projectIn } from '../kernel/tenant-sources.ts';
import { deviceIn } from '../kernel/tun-holders.ts';
import type { Identity } from '../snapshot/owner.ts';
import { readCgroupPath, readCgroups } from './cgroup-path.ts';
import { qemuOption, readCommandLine } from './command-line.ts';
import { identityOf } from './identities.ts';
import { monitorOf } from './qemu-monitor.ts';
import { LONGEST_TENANT, parseTenantMap, tenantIn } from './tenant-map.ts';

const hexadecimal = (digits: number) =>
  array(constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits }).map((all) => all.join(''));
const uid = hexadecimal(32).map((digits) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));

/** Folders as container runtimes, systemd and libvirt name them, and as anyone may who has a cgroup of their own. */
const folder = oneof(
  hexadecimal(64),
  hexadecimal(64).map((id) => `docker-${id}.scope`),
  hexadecimal(64).map((id) => `crio-${id}.scope`),
  uid.map((id) => `kubepods-burstable-pod${id.replaceAll('-', '_')}.slice`),
  uid.map((id) => `pod${id}`),
  constantFrom('docker', 'k8s.io', 'default', 'constructor', '__proto__', 'toString', 'system.slice', 'sshd.service'),
  anyText(20).map((name) => `machine-qemu\\x2d1\\x2d${name}.scope`),
  anyText(20).map((name) => `qemu-1-${name}.libvirt-qemu`),
  anyText(20).map((name) => `lxc.payload.${name}`),
  anyText(),
);
const cgroupPath = array(folder, { maxLength: 5 }).map((folders) => `/${folders.join('/')}`);
const cgroups = linesOf(
  tuple(constantFrom('0::', '1:name=systemd:', '4:cpu,cpuacct:'), cgroupPath).map((parts) => parts.join('')),
);

const words = array(
  oneof(
    constantFrom(
      '-name',
      '--name',
      '-uuid',
      '-smbios',
      '-mon',
      '-monitor',
      '-qmp',
      '-chardev',
      '--id',
      '--api-socket',
      '--',
      '-id',
    ),
    constantFrom(
      '/usr/bin/qemu-system-x86_64',
      'firecracker',
      'cloud-hypervisor',
      'containerd-shim-kata-v2',
      'sshd: u@notty',
    ),
    anyText().map((name) => `guest=${name},debug-threads=on`),
    anyText().map((path) => `unix:/run/${path},server=on,wait=off`),
    anyText().map((path) => `socket,id=mon,path=/run/${path},server=on`),
    constantFrom(
      'mon,mode=control',
      'type=1,uuid=',
      'chardev=mon,mode=readline',
      '/run/vc/vm/abc/qemu.sock',
      'sandbox-abc',
    ),
    uid,
    anyText(),
  ),
  { maxLength: 12 },
);

/** No property is missing, of another type, or longer than a label; nothing drives a terminal. */
function assertShown(identity: Identity): void {
  const { program, vm, uuid, runtime, container, pod, unit } = identity;
  for (const [key, text] of Object.entries({ program, vm, uuid, runtime, container, pod, unit })) {
    assert.equal(typeof text, 'string', `${key} is ${typeof text}`);
    assert.ok([...text].length <= 128, `${key} has ${text.length} characters`);
    assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, key);
  }
  assert.match(program, /^[a-z\d_-]*$/);
  assert.match(uuid, /^([\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12})?$/);
  assert.match(runtime, /^(docker|containerd|cri-o|podman|lxc|kata|libvirt|)$/);
}

holdsForAll(
  'whose a process is: text of bounded length, for any command line',
  record({ args: words, comm: shown(anyText(15)), cgroups }),
  ({ args, comm, cgroups: text }) => {
    const said = parseCommandLine(latin1(args.join('\0')));
    assertShown(identityOf({ args: said, comm, cgroups: parseCgroups(latin1(text)), life: '', startedTicks: 1 }));
    const monitor = monitorOf(said);
    assert.ok(monitor === undefined || monitor.path.startsWith('/'));
  },
  { runs: 5000, examples: [{ args: [], comm: '', cgroups: `0::/constructor/${'0'.repeat(64)}` }] },
);

holdsForAll('a path of cgroups: an id is one of the path', cgroupPath, (path) => {
  const { container, pod } = readCgroupPath(path);
  assert.ok(path.includes(container) && (path.includes(pod) || path.includes(pod.replaceAll('-', '_'))));
});

holdsForAll(
  'a container is found by its cgroup, with any other hierarchies and folders',
  linesOf(cgroupPath.map((path) => `4:cpu:${path}`)),
  (text) => {
    const id = 'ab'.repeat(32);
    assert.equal(
      readCgroups(parseCgroups(latin1(`${text}\n0::/system.slice/docker-${id}.scope (deleted)\n`))).container,
      id,
    );
  },
  { runs: 2000 },
);

holdsForAll('bytes that no runtime writes are no cgroup that owns a container', textOfBytes(200), (text) => {
  assert.deepEqual([readCgroups(text).container, readCgroups(text).pod], ['', '']);
});

holdsForAll('an option of QEMU is read as QEMU reads it: a doubled comma is one', hostileText(), (text) => {
  const name = text.replaceAll('\0', '');
  assert.equal(qemuOption(`guest=${name.replaceAll(',', ',,')},debug-threads=on`, 'guest', true), name);
});

holdsForAll('a command line of bytes names no machine without its program', array(textOfBytes()), (args) => {
  const { program, vm } = readCommandLine(args, '');
  assert.equal(program === '' && vm !== '', false);
});

const field = integer({ min: 0, max: 2 ** 31 }).map(String);
holdsForAll(
  '/proc/PID/stat: a name with brackets, blanks and line ends moves no field',
  record({
    comm: anyText(15),
    state: constantFrom('R', 'S', 'D', 'T'),
    fields: array(field, { minLength: 49, maxLength: 49 }),
  }),
  ({ comm, state, fields }) => {
    const read = parseStat(latin1(`4711 (${comm}) ${state} ${fields.join(' ')}\n`));
    assert.deepEqual([read?.comm, read?.startedTicks], [nameOf(Buffer.from(comm)), Number(fields[18])]);
  },
);

holdsForAll('/proc/PID/stat of bytes is read or is none', uint8Array({ maxLength: 300 }), (bytes) => {
  const read = parseStat(Buffer.from(bytes).toString('latin1'));
  assert.ok(read === undefined || typeof read.comm === 'string');
});

holdsForAll(
  '/proc/PID/fdinfo: the device is the one that the kernel wrote, whole',
  deviceName,
  (name) =>
    assert.equal(deviceIn(latin1(`pos:\t0\nflags:\t0104002\nino:\t12\niff:\t${name}\n`)), nameOf(Buffer.from(name))),
  { examples: ['tap\u2028x', '\u2029'] },
);

const tenant = shown(string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => !/[\s#]/.test(text)));
const entry = record({ kind: constantFrom('vm', 'uuid', 'pod', 'container', 'unit'), name: tenant, tenant });
const nothing: Identity = { program: '', vm: '', uuid: '', runtime: '', container: '', pod: '', unit: '' };

holdsForAll(
  'a tenant map that is written is read: the last line of a name counts',
  array(entry, { minLength: 1 }),
  (entries) => {
    const text = entries.map(({ kind, name, tenant: of }) => `${kind}  ${name}\t${of} # ${kind}\r\n`).join('');
    const map = parseTenantMap('map', text);
    const last = entries.at(-1);
    assert.ok(last);
    assert.equal(tenantIn(map, { ...nothing, [last.kind]: last.name }), last.tenant);
  },
);

holdsForAll(
  'a tenant map of anything: tenants of bounded length, or one sentence with the line',
  linesOf(
    tuple(constantFrom('vm ', 'pod ', 'unit\t', 'x '), anyText(), constantFrom(' ', '#'), anyText()).map((parts) =>
      parts.join(''),
    ),
  ),
  (text) => {
    const map = orSentence(() => parseTenantMap('map', text));
    for (const of of map?.values() ?? []) assert.ok(of.length > 0 && of.length <= LONGEST_TENANT);
  },
);

holdsForAll(
  'a folder of the kubelet names a pod, or none: never the processes without one',
  oneof(
    array(anyText(10), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('_')),
    textOfBytes(),
  ),
  (name) => {
    const { uid, namespace, name: pod } = podIn(name) ?? { uid: 'a', namespace: 'a', name: 'a' };
    for (const part of [uid, namespace, pod]) assert.match(part, /^[a-z\d][a-z\d.-]{0,252}$/);
  },
  { examples: ['lost+found', 'default_web_', '_web_0123'] },
);

holdsForAll(
  "libvirt's XML: the project is text between its tags",
  array(
    oneof(constantFrom('<nova:project uuid="1">', '<nova:project', '</nova:project>', '>', '<', 'acme'), anyText()),
  ),
  (parts) => assert.doesNotMatch(projectIn(parts.join('')), /</),
);
