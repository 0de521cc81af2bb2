// SPDX-License-Identifier: Apache-2.0
// Attaches the programs of one mechanism, all or none.
import { errnoOf } from '../kernel/error-name.ts';
import type { BpfLink, BpfObject } from '../kernel/native.ts';
import type { Mechanism } from './mechanism.ts';
import { firstLine } from './open-object.ts';
import type { LoadedPrograms } from './programs.ts';

/** What a host lacks for a while only: descriptors, memory. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'ENOMEM'];

export interface Attachment {
  readonly mechanism: string;
  readonly program: string;
  readonly link: BpfLink;
}

interface Loaded {
  readonly programs: LoadedPrograms | undefined;
  /** Why there are none. */
  readonly reason: string | undefined;
}

interface AttachRefusal {
  readonly reason: string;
  /** The next try may succeed. */
  readonly isShortage: boolean;
}

/** Attaches all programs of a mechanism or none, and detaches the event's former one; the answer is why it could not. */
export function attachMechanism(
  event: string,
  mechanism: Mechanism,
  { programs, reason = '' }: Loaded,
  attachments: Map<string, readonly Attachment[]>,
): AttachRefusal | undefined {
  const current = attachments.get(event) ?? [];
  if (current.some((attachment) => attachment.mechanism === mechanism.name)) return undefined;
  if (mechanism.programs.length > 0 && !programs) return { reason, isShortage: false };
  // When one program was refused, the others were not loaded.
  const refusal = mechanism.programs.flatMap((program) => programs?.refusalOf(program) ?? []).at(0);
  if (refusal !== undefined) return { reason: refusal, isShortage: false };
  const made: Attachment[] = [];
  try {
    // The exit of a function before its entry, and below the entry before the exit: no packet is begun and not ended.
    for (const program of mechanism.programs.toReversed()) {
      const object = programs?.objectOf(program);
      if (object && isHook(object, program))
        made.unshift({ mechanism: mechanism.name, program, link: object.attach(program) });
    }
  } catch (error) {
    for (const { link } of made) link.detach();
    return { reason: firstLine(error), isShortage: SHORTAGES.includes(errnoOf(error) ?? '') };
  }
  for (const { link } of current) link.detach();
  attachments.set(event, made);
  return undefined;
}

/** Programs that are run on request (walk, recycle, iterator) have nothing to attach to. */
function isHook(object: BpfObject, name: string): boolean {
  const section = object.programs.find((program) => program.name === name)?.section ?? '';
  return !/^\??(syscall|iter)/.test(section);
}
