// SPDX-License-Identifier: Apache-2.0
// What all subjects share, made once programs are loaded.
import { AskedPrograms } from '../engine/asked-programs.ts';
import { FreedPackets } from '../engine/freed-packets.ts';
import { Generations } from '../engine/generations.ts';
import { QueueFiles } from '../engine/program-files.ts';
import type { Parts } from '../engine/subject.ts';

export type Loaded = Pick<Parts, 'probes' | 'programs' | 'question'>;

export function makeParts(loaded: Loaded, owners: Parts['owners'], states: Parts['states']): Parts {
  const generations = new Generations();
  const freed = new FreedPackets(loaded.probes, loaded.programs, generations);
  const asked = new AskedPrograms(loaded.programs);
  return { ...loaded, asked, owners, freed, generations, programFiles: new QueueFiles(loaded), states };
}
