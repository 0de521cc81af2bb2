// SPDX-License-Identifier: Apache-2.0
// Packets that the host took for itself and did not serve: no reason says so, and only counters of the whole namespace have them.
import { lossTowards } from '../asked.ts';
import type { Remedy } from '../finding.ts';
import { several } from '../format.ts';
import { hostCommand } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { NOISE_PER_SECOND } from './loss.ts';

/** Who connects tries again after 1, 2 and 4 seconds. */
const FEWEST = 3;
/** Of what the host kept of the device's packets: others of the namespace may have sent them. */
const REQUESTS_SHARE = 0.05;
const ECHOES_SHARE = 0.5;

interface Unserved {
  readonly requests: number;
  readonly echoes: number;
}

/** Enough of them to be what the device misses; `kept`: packets from it that the host took for itself. */
function unservedOf(device: DeviceSpan, kept: number): Unserved {
  const [requests, echoes] = [grownBy(device, 'ListenDrops'), grownBy(device, 'UnansweredEchoes')];
  const getsAnswers = lossTowards(device).offered / device.seconds >= NOISE_PER_SECOND;
  return {
    requests: requests >= FEWEST && requests >= REQUESTS_SHARE * kept && kept >= FEWEST ? requests : 0,
    echoes: !getsAnswers && echoes >= FEWEST && echoes >= ECHOES_SHARE * kept && kept >= FEWEST ? echoes : 0,
  };
}

export function unservedDoubts(device: DeviceSpan, kept: number): readonly string[] {
  const { requests, echoes } = unservedOf(device, kept);
  return [
    ...(requests > 0
      ? [
          `servers of its namespace had no room for ${several(requests, 'connection request')} (ListenDrops): they may be from its guest`,
        ]
      : []),
    ...(echoes > 0
      ? [`${several(echoes, 'ping')} that came into its namespace got no answer: they may be from its guest`]
      : []),
  ];
}

export function looksAtUnserved(device: DeviceSpan, window: Window, kept: number): readonly Remedy[] {
  const { requests, echoes } = unservedOf(device, kept);
  const look = (command: string, effect: string): Remedy => hostCommand(device, window, command, effect);
  return [
    ...(requests > 0
      ? [
          look(
            'ss -ltn',
            'Shows who listens: a Recv-Q as large as Send-Q is a server that does not accept, or has too short a queue.',
          ),
        ]
      : []),
    ...(echoes > 0
      ? [look("sysctl -a -r 'echo_ignore_all'", 'With 1 the host answers no ping; all else may be well.')]
      : []),
  ];
}

function grownBy({ steps, now }: DeviceSpan, counter: string): number {
  const first = steps.find(({ surroundings }) => surroundings?.unserved)?.surroundings?.unserved;
  const at = (counts = first): number => counts?.find((one) => one.counter === counter)?.packets ?? 0;
  return first ? Math.max(0, at(now.surroundings?.unserved) - at()) : 0;
}
