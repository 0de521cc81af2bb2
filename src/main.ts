#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// argv -> command; the only exit code, the only catch-all.
import { Argument, Command, CommanderError } from 'commander';
import { LimitTooLow } from './agent/resource-limits.ts';
import { ServingEnded } from './agent/serving-process.ts';
import { BENCH_HELP, benchFlags, FAULT_NAMES, loadBench } from './commands/bench.ts';
import { check, sayUnknown } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { diagnose } from './commands/diagnose.ts';
import { doctor } from './commands/doctor.ts';
import { drops } from './commands/drops.ts';
import { explain } from './commands/explain.ts';
import { fleet } from './commands/fleet.ts';
import { FIRST_HELP, helpAfter } from './commands/help.ts';
import { dropsFlags, readDropsOptions } from './commands/options/drops-options.ts';
import { meantOption } from './commands/options/meant-option.ts';
import {
  NO_PIN,
  NO_PIN_HELP,
  readLogOptions,
  readServeOptions,
  SOCKET,
  serveFlags,
} from './commands/options/serve-options.ts';
import { record } from './commands/record.ts';
import { report } from './commands/report.ts';
import { serve } from './commands/serve.ts';
import { top } from './commands/top.ts';
import { version } from './commands/version.ts';
import { whatif } from './commands/whatif.ts';
import { leave, leaveWhenDone } from './kernel/processes/own-end.ts';
import { lowerAtEnd } from './kernel/processes/own-priority.ts';
import { keepHeapSmall } from './kernel/processes/small-heap.ts';
import { typedWords } from './kernel/typed-words.ts';
import { ownLog, useLog } from './log/log.ts';
import { callTapscope } from './own-command.ts';
import { visibleLines } from './snapshot/visible.ts';

const MECHANISM = '--mechanism <event=name...>';
const DEVICE_HELP =
  'this device alone, or one queue: vnet1, vnet1/0, NETNS/vnet1; or its owner: VM, pod, container or process';
const SOCKET_HELP = 'socket of the agent; an agent of this version is asked, and no other probes are attached';
const MECHANISM_HELP = "measure an event only by this mechanism, or 'off'; repeatable, 'tapscope doctor' lists them";

/** Commands whose exit code 1 is a warning: a crash or misuse must not read as one. */
const CHECKS = ['check', 'diagnose', 'doctor', 'fleet', 'report'];

function program(setExitCode: (code: number) => void): Command {
  const tapscope = new Command('tapscope')
    .description('counts exactly what happens to every packet at the queues of tun, tap and vhost-net devices')
    .version(version())
    .configureOutput({ writeErr: (text) => process.stderr.write(visibleLines(text)) })
    .exitOverride();
  const serveCommand = tapscope.command('serve').description('the agent: answers Prometheus').exitOverride();
  for (const { flags, description, fallback } of serveFlags) serveCommand.option(flags, description, fallback);
  serveCommand.option(MECHANISM, MECHANISM_HELP, []).action(async (values) => {
    // Loaded here, for no other command has a log.
    const { ownOutputs } = await import('./kernel/processes/own-outputs.ts');
    const { createLog } = await import('./log/agent-log.ts');
    useLog(createLog({ ...readLogOptions(values), process: 'counting' }, ownOutputs));
    return serve(readServeOptions(values), values.mechanism);
  });
  tapscope
    .command('doctor')
    .description('what can be measured on this host, by which mechanism, and why not by a better one')
    .option('--verbose', 'each event, and why the kernel refuses every better mechanism', false)
    .option('--json', 'print JSON', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .option(NO_PIN, NO_PIN_HELP)
    .option('--socket <path>', 'socket of the agent', SOCKET)
    .exitOverride()
    .action(async ({ json, verbose, mechanism, pin, socket }) =>
      setExitCode(await doctor({ json, verbose, mechanisms: mechanism, pin, socket })),
    );
  ofDevice(tapscope.command('check'))
    .description('the state of all queues on one screen, in under three seconds; the first line is for monitoring')
    .option('--socket <path>', SOCKET_HELP, SOCKET)
    .option('--json', 'print JSON', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .exitOverride()
    .action(async (_, { json, socket, mechanism, vm, pod, process, netns }, { args }) =>
      setExitCode(
        await check({
          scope: { device: deviceOf(args), vm, pod, process, netns },
          json,
          socket,
          mechanisms: mechanism,
        }),
      ),
    );
  ofDevice(tapscope.command('diagnose'))
    .description('watches for 10 s, then says what is wrong with which queue, why, and what to type')
    .option('--for <time>', 'how long, e.g. 30s, 2m (default: 10s, with --at the minute that it names)')
    .option(
      '--at <time>',
      "look back in the agent's history: 03:12, 03:12:30, 2026-11-20T03:12, '5m ago': the minute around then",
    )
    .option('--socket <path>', SOCKET_HELP, SOCKET)
    .option('--json', 'print JSON', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .exitOverride()
    .action(async (_, { for: duration, at, socket, json, mechanism, vm, pod, process, netns }, { args }) =>
      setExitCode(
        await diagnose({
          scope: { device: deviceOf(args), vm, pod, process, netns },
          duration,
          at,
          socket,
          json,
          mechanisms: mechanism,
        }),
      ),
    );
  ofDevice(tapscope.command('whatif'), '<device>')
    .description('which txqueuelen would have lost nothing, what others would have lost, and what to type')
    .option(
      '--for <time>',
      'window to evaluate, e.g. 30s, 2m (default: all history of the agent, without one the next 30s)',
    )
    .option('--size <size...>', 'also evaluate this txqueuelen; repeatable', [])
    .option('--socket <path>', SOCKET_HELP, SOCKET)
    .option('--json', 'print JSON', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .exitOverride()
    .action(async (_, { for: duration, size, socket, json, mechanism, vm, pod, process, netns }, { args }) =>
      setExitCode(
        await whatif({
          scope: { device: deviceOf(args), vm, pod, process, netns },
          duration,
          sizes: size,
          socket,
          json,
          mechanisms: mechanism,
        }),
      ),
    );
  ofDevice(tapscope.command('top'))
    .description('every queue, live, problems first; Enter shows details, ? the keys, q quits')
    .option('-b, --batch', 'print one list after the other, for tickets', false)
    .option('-n, --count <number>', 'exit after so many updates')
    .option('-d, --delay <time>', 'time between two updates', '1s')
    .option('--socket <path>', SOCKET_HELP, SOCKET)
    .option('--json', 'print JSON, one object a line', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .exitOverride()
    .action((_, { batch, count, delay, json, socket, mechanism, vm, pod, process, netns }, { args }) =>
      top({
        scope: { device: deviceOf(args), vm, pod, process, netns },
        batch,
        count,
        delay,
        json,
        socket,
        mechanisms: mechanism,
      }),
    );
  tapscope
    .command('record')
    .description('records snapshots into one file, for support')
    .requiredOption('-o, --output <file>', 'the file, replaced once the recording is complete')
    .option('--for <time>', 'how long, e.g. 30s, 2m', '60s')
    .option('--socket <path>', SOCKET_HELP, SOCKET)
    .option('--addresses', 'do not replace names of VMs, pods, containers, units and namespaces, and UUIDs', false)
    .option(MECHANISM, MECHANISM_HELP, [])
    .exitOverride()
    .action(async ({ output, for: duration, addresses, socket, mechanism }) =>
      setExitCode(await record({ file: output, duration, addresses, socket, mechanisms: mechanism })),
    );
  scoped(tapscope.command('report').argument('<file>', 'what tapscope record wrote'))
    .description('what diagnose would have said on the recorded host, at that time')
    .option('--device <device>', 'only this device')
    .option('--json', 'print JSON', false)
    .exitOverride()
    .action(async (file, { device, json, vm, pod, process, netns }) =>
      setExitCode(await report({ file, scope: { device, vm, pod, process, netns }, json })),
    );
  tapscope
    .command('explain')
    .description('how a rule finds a fault, and what else looks like it; without a rule, the list')
    .argument('[rule]')
    .option('--json', 'print JSON', false)
    .exitOverride()
    .action((rule, { json }) => explain(rule, json));
  const dropsCommand = ofDevice(tapscope.command('drops'))
    .description(
      'packets lost on their way to a guest or reader or from one, live, second by second or packet by packet',
    )
    .exitOverride();
  for (const [flags, description] of dropsFlags) dropsCommand.option(flags, description);
  dropsCommand
    .option(MECHANISM, MECHANISM_HELP, [])
    .action((_, values, { args }) => drops(readDropsOptions(deviceOf(args), values), values.mechanism));
  tapscope
    .command('fleet')
    .description('asks Prometheus which taps and tenants of all hosts lose packets, and what they have in common')
    .requiredOption('--url <url>', 'Prometheus, Thanos or VictoriaMetrics with the metrics: http://prometheus:9090')
    .option('--since <time>', 'how far back: 30m, 24h', '1h')
    .option('--header <header...>', "header of each query, for a token or a tenant: 'Authorization: Bearer …'", [])
    .option('--json', 'print JSON', false)
    .exitOverride()
    .action(async ({ url, since, header, json }) => setExitCode(await fleet({ url, since, headers: header, json })));
  tapscope
    .command('demo')
    .description('plays the commonest faults on taps of its own, and shows the answers of check and diagnose')
    .option('--fault <name>', `only this one: ${FAULT_NAMES.join(', ')}`)
    .option('--socket <path>', SOCKET_HELP, SOCKET)
    .exitOverride()
    .action(async ({ fault, socket }) => setExitCode(await loadBench().demo({ fault, socket })));
  const benchCommand = tapscope
    .command('bench')
    .description('what taps and vhost-net transmit and lose on this host, in the tables of the kernel series')
    .exitOverride();
  benchCommand.addHelpText('after', `\n${BENCH_HELP}`);
  for (const { flags, description, fallback } of benchFlags) benchCommand.option(flags, description, fallback);
  benchCommand.action(async (values) => setExitCode(await loadBench().bench(values)));
  tapscope
    .command('completion')
    .description('completion for a shell, or the manual page: source <(tapscope completion bash)')
    .addArgument(new Argument('<kind>', 'shell, or man').choices(['bash', 'zsh', 'man']))
    .exitOverride()
    .action((kind) => completion(tapscope, kind));
  for (const command of tapscope.commands) {
    command.addHelpText('after', helpAfter(command.name()));
    const options = command.options.flatMap(({ long }) => long ?? []);
    command.configureOutput({ outputError: (text, write) => write(text + meantOption(text, options)) });
  }
  tapscope.addHelpText('after', FIRST_HELP);
  return tapscope;
}

/** A command about one device, which may be written in several words. */
function ofDevice(command: Command, argument = '[device]'): Command {
  return scoped(command.argument(argument, DEVICE_HELP).allowExcessArguments());
}

/** 'vnet1', or 'vnet1 queue 0' of three words. */
function deviceOf(words: readonly string[]): string | undefined {
  if (words.length < 2 || (words[1] === 'queue' && words.length === 3)) return words.join(' ') || undefined;
  throw new Error(`Name one device at a time: ${words[0]}, or without a name all of them.`);
}

/** Filters that commands about queues share. */
function scoped(command: Command): Command {
  return command
    .option('--vm <name>', 'only devices of this virtual machine: name or UUID')
    .option('--pod <name>', 'only devices of this pod: NAMESPACE/NAME, name or UID')
    .option('--process <process>', 'only devices that this process holds: number, name, or kind (qemu, openvpn, …)')
    .option('--netns <namespace>', 'only devices of this network namespace: name or inode number');
}

async function main(args: readonly string[]): Promise<void> {
  try {
    await program((code) => {
      process.exitCode = code;
    }).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return; // --help, --version
    process.exitCode = error instanceof LimitTooLow ? error.exitCode : failure();
    // Monitoring that is set up wrongly shows standard output alone.
    if (error instanceof CommanderError && args[0] === 'check') sayUnknown(error.message, args.includes('--json'));
    // The serving process, or commander, has already said what is wrong.
    if (error instanceof ServingEnded && error.code !== undefined) return;
    if (!(error instanceof CommanderError)) ownLog().sayLast(error instanceof Error ? error.message : String(error));
  }
}

function failure(): number {
  return CHECKS.includes(process.argv[2] ?? '') ? 3 : 1;
}

/** Says it last, when a screen has given its terminal back. */
function end(message: string): void {
  process.once('exit', () => ownLog().sayLast(message));
  leave(failure());
}

function watchOutputs(): void {
  // The reader of our output may have read enough (`tapscope diagnose | head -1`), or closed the terminal (EIO).
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE' && code !== 'EIO') end(`The output cannot be written (${message}).`);
  });
  // Without a reader of stderr, messages are discarded. The command goes on, for it may have something to restore.
  process.stderr.on('error', () => undefined);
}

callTapscope(process.env.TAPSCOPE_COMMAND);
lowerAtEnd();
// The agent has outputs of its own, which never fail.
if (process.argv[2] !== 'serve') watchOutputs();
// Unhandled rejections come here too. On one line, where a stack is looked for: in a journal.
process.on('uncaughtException', (error) =>
  end(`It crashed (${(error.stack ?? String(error)).replace(/\s*\n\s*/g, ', ')}); please report this line.`),
);
keepHeapSmall();
void main(typedWords(process.argv.slice(2))).then(() => {
  // An agent has only begun.
  if (process.argv[2] !== 'serve' || process.exitCode !== undefined) leaveWhenDone();
});
