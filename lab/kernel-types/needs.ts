// SPDX-License-Identifier: Apache-2.0
// What tapscope needs to find in a kernel: functions and tracepoints that programs attach to, fields and types that they read,
// values of enums. Asked of the built objects, so that no list of it has to be kept.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BpfObject } from '../../src/kernel/native.ts';

export interface Needs {
  readonly functions: readonly string[];
  readonly tracepoints: readonly string[];
  /** [struct, path of the field]. */
  readonly fields: readonly (readonly [struct: string, path: readonly string[]])[];
  readonly types: readonly string[];
  /** [enum, value]. */
  readonly enumValues: readonly (readonly [name: string, value: string])[];
}

const OBJECTS = 'dist/bpf';
const MOST_BYTES = 2 ** 28;
const FUNCTIONS = ['fentry', 'fexit', 'fmod_ret', 'kprobe', 'kretprobe'];
const TRACEPOINTS = ['tp_btf', 'raw_tp', 'raw_tracepoint'];

/** `vmlinux`: any kernel with types; bpftool does not say what an object needs without one. */
export function readNeeds(vmlinux: string): Needs {
  const objects = readdirSync(OBJECTS).filter((name) => name.endsWith('.bpf.o'));
  const files = objects.map((name) => join(OBJECTS, name));
  const sections = files.flatMap((file) => new BpfObject(file).programs.map(({ section }) => section));
  const attached = (kinds: readonly string[]): readonly string[] =>
    sections.flatMap((section) => {
      const [kind = '', name] = section.split('/');
      return kinds.includes(kind) && name !== undefined ? [name] : [];
    });
  const iterators = attached(['iter']).map((name) => `bpf_iter_${name}`);
  return {
    functions: sorted([...attached(FUNCTIONS), ...iterators]),
    tracepoints: sorted(attached(TRACEPOINTS)),
    ...relocations(files.map((file) => relocationLog(vmlinux, file)).join('\n')),
  };
}

/** libbpf's own words about each CO-RE relocation. */
function relocationLog(vmlinux: string, object: string): string {
  const words = ['--debug', 'gen', 'min_core_btf', vmlinux, '/dev/null', object];
  const { stderr, status } = spawnSync('bpftool', words, { encoding: 'utf8', maxBuffer: MOST_BYTES });
  if (status !== 0) throw new Error(`bpftool cannot relocate ${object} by the types of ${vmlinux}.`);
  return stderr;
}

/** '<byte_off> [33] struct tun_file.tx_ring.queue[0] (0:0 @ offset 0)', '<enumval_value> [9] enum netdev_cmd::NETDEV_UP = 1'. */
const RELOCATION = /relo #\d+: <(\w+)> \[\d+\] ((?:struct |union |enum )?\w+)(?:::(\w+)|\.([\w.[\]]+))?/g;

export function relocations(log: string): Pick<Needs, 'fields' | 'types' | 'enumValues'> {
  const found = [...log.matchAll(RELOCATION)].map(([, , type = '', value, path]) => {
    // Flavours of one type differ by what follows three underscores.
    return { type: type.replace(/___.*/, ''), value, path: path?.replace(/\[\d+\]/g, '') };
  });
  const unique = (texts: readonly (string | undefined)[]): readonly string[] =>
    sorted(texts.flatMap((text) => text ?? []));
  const pairs = (texts: readonly string[]): readonly (readonly [string, string])[] =>
    texts.map((text) => {
      const [type = '', rest = ''] = text.split('\0');
      return [type, rest];
    });
  return {
    types: unique(found.map(({ type }) => type)),
    fields: pairs(unique(found.map(({ type, path }) => path && `${type}\0${path}`))).map(([type, path]) => [
      type,
      path.split('.'),
    ]),
    enumValues: pairs(unique(found.map(({ type, value }) => value && `${type.replace(/^enum /, '')}\0${value}`))),
  };
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
