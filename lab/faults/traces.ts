// SPDX-License-Identifier: Apache-2.0
// What agents may leave behind: BPF objects that no process holds, processes, files of /run/tapscope.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const FOLDER = '/run/tapscope';
const MARK = 'TAPSCOPE_FAULTS';
const IDS = join(import.meta.dirname, '../../dist/lab/bpf-ids');
const KINDS = [
  ['prog_id', 'prog'],
  ['map_id', 'map'],
  ['link_id', 'link'],
] as const;

/** Starts a program whose processes are known as started by this one. */
export const markedBy: readonly string[] = ['env', `${MARK}=${process.pid}`];

/** A process or file may go between two steps. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

const processes = (): readonly string[] => list('/proc').filter((name) => /^\d+$/.test(name));

/** Ids of the BPF objects that a process has descriptors of. */
export function bpfObjectsOf(pid: number | string): readonly string[] {
  return list(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const text = read(`/proc/${pid}/fdinfo/${fd}`);
    return KINDS.flatMap(([field, kind]) => {
      const id = new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(text)?.[1];
      return id === undefined ? [] : [`${kind} ${id}`];
    });
  });
}

/** Names of all BPF programs, maps and links of this kernel, by id; "mapped" follows the name of a map that a process may map. */
function bpfNames(): ReadonlyMap<string, string> {
  const lines = execFileSync(IDS, { encoding: 'utf8' }).split('\n');
  return new Map(lines.map((line) => line.split(' ')).map(([kind, id, ...name]) => [`${kind} ${id}`, name.join(' ')]));
}

/** Names that the BPF objects of an agent have; those of other programs of this host are not its. */
export function bpfNamesOf(pid: number): ReadonlySet<string> {
  const names = bpfNames();
  return new Set(bpfObjectsOf(pid).map((id) => names.get(id) ?? ''));
}

/**
 * BPF programs and maps with one of these names that no process has a descriptor of. A link has no name, and the kernel frees those of other agents
 * some time after they are closed; one that is left keeps its program, which has a name.
 */
export function bpfOrphans(names: ReadonlySet<string>): ReadonlySet<string> {
  const ids = new Map([...bpfNames()].filter(([id, name]) => names.has(name) && !id.startsWith('link ')));
  for (const pid of processes()) for (const id of bpfObjectsOf(pid)) ids.delete(id);
  const orphans = [...ids].map(([id, name]) => `${id} ${name}`);
  // What a mapping keeps cannot be told from what nothing keeps: it is not held against us while another program has mappings.
  const isMapped = orphans.length > 0 && processes().some((pid) => !isMarked(pid) && mapsBpf(pid));
  return new Set(orphans.filter((orphan) => !isMapped || !orphan.endsWith(' mapped')));
}

const mapsBpf = (pid: string): boolean => read(`/proc/${pid}/maps`).includes('anon_inode:bpf-map');

function isMarked(pid: string): boolean {
  return read(`/proc/${pid}/environ`)
    .split('\0')
    .includes(markedBy[1] ?? '');
}

/** Processes of agents that this process started. */
export function markedProcesses(): readonly number[] {
  return processes()
    .filter(isMarked)
    .filter((pid) => !/^State:\s*Z/m.test(read(`/proc/${pid}/status`)))
    .map(Number);
}

export function filesOf(folder = FOLDER): readonly string[] {
  return list(folder);
}
