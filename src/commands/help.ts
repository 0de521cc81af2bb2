// SPDX-License-Identifier: Apache-2.0
// The end of each command's `--help`: examples and exit codes.

interface CommandHelp {
  /** The words after 'tapscope ', and their purpose. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Exit codes in the order of their numbers. */
  readonly exitCodes: readonly (readonly [code: string, meaning: string])[];
}

const SUCCESS = [
  ['0', 'done'],
  ['1', 'failed'],
] as const;
const VERDICT = [
  ['0', 'OK'],
  ['1', 'warning'],
  ['2', 'critical'],
  ['3', 'unknown, or the command failed'],
] as const;

const HELP: Readonly<Record<string, CommandHelp>> = {
  serve: {
    examples: [
      ['serve', 'on http://127.0.0.1:10747'],
      ['serve --web.listen-address=:10747', 'on every address of the host'],
      ['serve --log.format=json', 'for a log collector'],
    ],
    exitCodes: [
      ['0', 'stopped by SIGINT, SIGTERM or SIGHUP'],
      ['1', 'failed'],
    ],
  },
  doctor: {
    examples: [
      ['doctor', 'what can be measured here'],
      ['doctor --verbose', 'each event, and why not by a better mechanism'],
      ['doctor --json', 'the same as JSON'],
    ],
    exitCodes: [
      ['0', 'every event is measured by its best mechanism'],
      ['1', 'fallbacks are in use'],
      ['3', 'something is not measured, or the command failed'],
    ],
  },
  check: {
    examples: [
      ['check', 'all queues of this host'],
      ['check vnet0', 'one device'],
      ['check --vm web1 --json', 'the devices of one VM, as JSON'],
    ],
    exitCodes: VERDICT,
  },
  diagnose: {
    examples: [
      ['diagnose vnet0', 'watch one device for 10 s'],
      ['diagnose --vm web1 --for 1m', 'the devices of one VM, for a minute'],
      ['diagnose --at 03:12', 'what happened in that minute'],
    ],
    exitCodes: VERDICT,
  },
  whatif: {
    examples: [
      ['whatif vnet0', 'over all history of the agent'],
      ['whatif vnet0 --for 5m --size 2000', 'the last 5 minutes; also this size'],
    ],
    exitCodes: [
      ['0', 'answered'],
      ['1', 'failed'],
    ],
  },
  top: {
    examples: [
      ['top', 'every queue, live'],
      ['top -b -n 1', 'one list, to paste into a ticket'],
    ],
    exitCodes: SUCCESS,
  },
  record: {
    examples: [
      ['record -o host.rec', '60 s into one file'],
      ['record -o host.rec --for 2m --addresses', '2 minutes, with real names'],
    ],
    exitCodes: [
      ['0', 'complete'],
      ['1', 'the end is missing, or the command failed'],
    ],
  },
  report: {
    examples: [
      ['report host.rec', 'all devices of the recording'],
      ['report host.rec --device vnet0', 'one device'],
    ],
    exitCodes: VERDICT,
  },
  explain: {
    examples: [
      ['explain', 'the list of rules'],
      ['explain ring-full-burst', 'one rule'],
    ],
    exitCodes: SUCCESS,
  },
  drops: {
    examples: [
      ['drops vnet0 --follow', 'losses each second, until Ctrl-C'],
      ['drops vnet0 --for 10s --packets', 'single packets for 10 s'],
    ],
    exitCodes: SUCCESS,
  },
  fleet: {
    examples: [
      ['fleet --url http://prometheus:9090', 'the last hour'],
      ['fleet --url http://prometheus:9090 --since 24h', 'the last day'],
    ],
    exitCodes: VERDICT,
  },
  demo: {
    examples: [
      ['demo', 'all faults, about 45 s'],
      ['demo --fault no-reader', 'one fault'],
    ],
    exitCodes: [
      ['0', 'every fault was found'],
      ['1', 'a fault was not found, or the demo failed'],
    ],
  },
  bench: {
    examples: [
      ['bench', 'all cells'],
      ['bench --table v7', 'in the layout of a mail'],
      ['bench --table multiqueue', 'TCP of guests in QEMU'],
      ['bench --table latency', 'TCP through a VPN'],
      ['bench --only=tail-drop --format=markdown', 'some cells, as Markdown'],
      ['bench --table v7 --save old.json', 'keep the figures'],
      ['bench --table v7 --against old.json', 'what differs'],
      ['bench --against a.json --figures b.json', 'two files of --save'],
    ],
    exitCodes: [
      ['0', 'all numbers agree'],
      ['1', 'a number differs, or the bench failed'],
    ],
  },
  completion: {
    examples: [
      ['completion bash', 'for source <(…) in .bashrc'],
      ['completion man', 'the manual page'],
    ],
    exitCodes: SUCCESS,
  },
};

/** For a person who types `tapscope --help` because a host loses packets. */
export const FIRST_HELP = `
Packets are lost? As root: 'tapscope check' says on which device, why, and what
to type, in three seconds; 'tapscope diagnose DEVICE' watches it for ten.
They need no agent.`;

/** '' for a command without examples. */
export function helpAfter(command: string): string {
  const help = HELP[command];
  if (!help) return '';
  const width = Math.max(...help.examples.map(([line]) => line.length));
  const examples = help.examples.map(([line, purpose]) => `  tapscope ${line.padEnd(width)}  ${purpose}`);
  const codes = help.exitCodes.map(([code, meaning]) => `  ${code}  ${meaning}`);
  return ['', 'Examples:', ...examples, '', 'Exit codes:', ...codes].join('\n');
}
