// SPDX-License-Identifier: Apache-2.0
// What a person writes for a device: its name, or what any output calls it or one of its queues, or the name of its owner.
import { typedName } from '../foreign-name.ts';
import type { Device } from '../snapshot/device.ts';
import { guestOf, type Owner } from '../snapshot/owner.ts';

/** One way to read the words; all that is given must fit. */
export interface DeviceWords {
  readonly device?: string | undefined;
  readonly queue?: number | undefined;
  /** Name or inode number. */
  readonly netns?: string | undefined;
  /** Of its VM, pod, container, unit or process, or the namespace that an output puts behind a name which repeats. */
  readonly owner?: string | undefined;
}

/** The names of devices have neither slash nor blank (dev_valid_name), those of namespaces and VMs may. */
const NAME = '([^/\\s]+)';
const QUEUE = '(?:/| queue )(\\d{1,5})';
const FORMS = [
  new RegExp(`^()${NAME}()()$`), // vnet1
  new RegExp(`^()${NAME}${QUEUE}(?: (.+))?$`), // vnet1/0, vnet1 queue 0, 'vnet1/0 web1', 'vnet1 queue 0 (VM web1)'
  new RegExp(`^(.+)/${NAME}${QUEUE}(?: (.+))?$`), // blue/vnet1/0
  new RegExp(`^(.+)/${NAME}()(?: (.+))?$`), // blue/vnet1
  new RegExp(`^()${NAME}() (.+)$`), // 'vnet1 (VM web1)'
];

/** The most exact first. */
export function readingsOf(text: string): readonly DeviceWords[] {
  const name = typedName(text.trim());
  const [, rest = name, place] = /^(.+) in namespace (.+)$/.exec(name) ?? [];
  const read = FORMS.flatMap((form) => {
    const [whole, netns, device, queue, owner] = form.exec(rest) ?? [];
    const words = {
      device,
      queue: queue ? Number(queue) : undefined,
      netns: netns || place,
      owner: owner || undefined,
    };
    return whole === undefined ? [] : [words];
  });
  return [...read, { owner: rest, netns: place }];
}

/** `namespace`: the name of the device's, undefined: it has none. */
export function fits({ name, netns, queues }: Device, namespace: string | undefined, words: DeviceWords): boolean {
  const isThere = (wanted: string): boolean => wanted === namespace || wanted === String(netns);
  const of = words.owner === undefined ? [] : ownersMeant(words.owner);
  return (
    (words.device === undefined || words.device === name) &&
    (words.netns === undefined || isThere(words.netns)) &&
    (words.queue === undefined || queues.some(({ index }) => index === words.queue)) &&
    (of.length === 0 ||
      (words.device !== undefined && of.some(isThere)) ||
      queues.some(({ owner }) => owner && namesOf(owner).some((one) => of.includes(one))))
  );
}

/** 'web1', '(VM web1)', 'of VM web1 (qemu, pid 7)', 'openvpn (pid 312)' → names that any of this may be. */
function ownersMeant(text: string): readonly string[] {
  const plain = text.replace(/^of /, '').replace(/^\((.+)\)$/, '$1');
  const short = plain.replace(/ \((?:.+, )?pid \d+\)$/, '');
  return [text, plain, short, ...[plain, short].map((one) => one.replace(/^(?:VM|pod|container) /, ''))];
}

/** What outputs call an owner, and what people do. */
export function namesOf({ pid, comm, identity }: Owner): readonly string[] {
  const { vm, uuid, pod, podName, container, unit, program } = identity ?? {};
  const names = [vm, uuid, pod, podName, podName?.split('/')[1], container, guestOf(identity)?.[1], unit, program];
  return [String(pid), comm, ...names.flatMap((one) => one || [])];
}
